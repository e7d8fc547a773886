"""Recipes written back to a file, with their comments and order."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ca_deploy.errors import UserError
from ca_deploy.recipe import Formulations, recipe_path

if TYPE_CHECKING:
    from tomlkit import TOMLDocument

_PATHS = (("weights",), ("labels",), ("calibration", "images"))
"""Keys that name a file, relative to the recipe's folder."""
_WORDS = ("shipped", "noise")  # of calibration.images, which are no files


def check_recipe_target(recipe: str, target: Path) -> None:
    """Make sure that a recipe can be saved, before any long work.

    Args:
        recipe: name or path of the one to save.
        target: where to.

    Raises:
        UserError: when the target may not be written.
    """
    if target.suffix != ".toml":
        raise UserError(f"--tune-save {target}: a recipe is a .toml file")
    if target.exists() and not target.samefile(recipe_path(recipe)):
        raise UserError(f"--tune-save {target}: exists and is not the recipe {recipe}; choose another file")
    if not target.parent.is_dir() or not os.access(target.parent, os.W_OK):
        raise UserError(f"--tune-save {target}: cannot write in {target.parent}")


def save_formulations(recipe: str, target: Path, formulations: Formulations) -> None:
    """Write a recipe's file with these formulations, in one step; all else in it stays as it is.

    Paths in it are changed to hold from the target's folder.

    Args:
        recipe: name or path of the one to start from.
        target: the file to write.
        formulations: in place of those of the same targets and precisions.

    Raises:
        UserError: when the file cannot be written.
    """
    import tomlkit

    source = recipe_path(recipe)
    document = tomlkit.parse(source.read_text("utf-8"))
    _move(document, source.absolute().parent, target.absolute().parent)
    table = document.setdefault("formulations", tomlkit.table(is_super_table=True))
    for name, precisions in formulations.items():
        by_precision = table.setdefault(name, tomlkit.table(is_super_table=True))
        for precision, blocks in precisions.items():
            lines = tomlkit.table()
            for path, own in blocks.items():
                line = tomlkit.inline_table()
                line.update(own.model_dump(exclude_none=True))
                lines.add(path, line)
            by_precision[precision] = lines
    _write(target, tomlkit.dumps(document))


def _move(document: TOMLDocument, old: Path, new: Path) -> None:
    """Let relative paths hold from another folder."""
    for *tables, key in _PATHS:
        place: Any = document
        for name in tables:
            place = place.get(name, {})
        value = place.get(key)
        if isinstance(value, str) and value not in _WORDS and old.resolve() != new.resolve():
            place[key] = os.path.relpath(old / value, new)


def _write(target: Path, text: str) -> None:
    draft = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    try:
        draft.write_text(text, "utf-8")
        draft.replace(target)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise UserError(f"{target}: cannot be written ({error.strerror}); choose another file") from error
