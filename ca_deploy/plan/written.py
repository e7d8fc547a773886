"""What is written: formats and precisions, and that each of them leaves a file."""

from __future__ import annotations

from collections.abc import Sequence

from ca_deploy import formats
from ca_deploy.errors import UserError
from ca_deploy.plan.options import Options
from ca_deploy.plan.values import several_of
from ca_deploy.precisions import DEFAULT, PRECISIONS
from ca_deploy.recipe import Recipe


def formats_written(
    options: Options, recipe: Recipe, targets: Sequence[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The formats to write: those named by option or recipe, or what the targets want; and warnings.

    Raises:
        UserError: when one that was named needs a package that is not there.
    """
    named = several_of("--formats", options.formats, tuple(formats.FORMATS))
    if named is None and "formats" not in recipe.model_fields_set:
        return formats.for_targets(targets)
    for name in named or recipe.formats:
        if missing := formats.missing_package(name):
            raise UserError(f"--formats {name}: {missing}")
    return named or recipe.formats, ()


def precisions_written(options: Options, written: Sequence[str]) -> tuple[str, ...]:
    """The precisions that were asked for, each of which some format has, or the default ones."""
    named = several_of("--precision", options.precision, tuple(PRECISIONS))
    formats.check_each_precision_written(named or (), written)
    return named or DEFAULT
