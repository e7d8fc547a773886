"""A folder that an export left, read back from its manifest."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ca_deploy.artifact import MANIFEST, PRODUCER, REJECTED, Interface, sha256_file
from ca_deploy.errors import UserError
from ca_deploy.recipe import Recipe, parse_recipe

_NEEDED = ("network", "targets", "optimize", "seed", "min_runtime", "float_gates", "calibration", "artifacts")


@dataclass(frozen=True)
class Published:
    """An earlier export.

    Attributes:
        folder: where it lies.
        manifest: what `manifest.json` says.
        recipe: the recipe it was made with, options put in, weights and labels found.
    """

    folder: Path
    manifest: dict[str, Any]
    recipe: Recipe

    @property
    def calibration(self) -> Collection[str]:
        """sha256 of the content of each image that it was calibrated on."""
        return frozenset(self.manifest["calibration"]["sha256"])

    @property
    def files(self) -> tuple[Path, ...]:
        """The artifacts that held their tolerance."""
        return tuple(
            self.folder / one["file"] for one in self.manifest["artifacts"] if one["status"] == "passed"
        )

    def interface(self, file: Path) -> Interface:
        """What an artifact takes; a file that the manifest does not name takes normalised images."""
        known = {self.folder / one["file"]: one["interface"] for one in self.manifest["artifacts"]}
        found: Interface = known.get(file, "normalised")
        return found

    @property
    def factory(self) -> str | None:
        """`package.module:factory` of a user's own network."""
        found: str | None = self.manifest["network"].get("factory")
        return found

    def document(self) -> dict[str, str]:
        """For the manifest of an export that is made from this one."""
        return {
            "folder": str(self.folder.resolve()),
            "manifest_sha256": sha256_file(self.folder / MANIFEST),
        }

    def weights(self) -> Path | None:
        """The checkpoint that it was made from; None where the factory made the weights.

        Raises:
            UserError: when the file is gone or another.
        """
        origin = self.manifest["network"]
        if "path" not in origin:
            return None
        path = Path(origin["path"])
        if not path.is_file():
            raise UserError(f"{self.folder}: its weights {path} are gone; put them back, or export again")
        if sha256_file(path) != origin["sha256"]:
            raise UserError(f"{self.folder}: its weights {path} have changed since; export again")
        return path


def read_published(folder: Path) -> Published:
    """Read the manifest of a folder that an export left.

    Raises:
        UserError: when there is none, or it is not one of ours.
    """
    path = folder / MANIFEST
    try:
        manifest = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise UserError(f"{folder}: not an exported folder (no {MANIFEST} in it)") from error
    except ValueError as error:
        raise UserError(f"{path}: not valid JSON ({error}); export again") from error
    if not isinstance(manifest, dict) or manifest.get("producer") != PRODUCER:
        raise UserError(f"{path}: was not written by {PRODUCER}")
    try:
        stated = {key: value for key, value in manifest["recipe"].items() if key not in ("name", "sha256")}
        recipe = parse_recipe(stated, path).model_copy(update={"name": manifest["recipe"]["name"]})
        for key in _NEEDED:
            manifest[key]
    except UserError as error:  # a recipe of ours is right; what its keys may be has changed since
        raise UserError(
            f"{folder}: another version of ca-deploy exported it ({error}); export again"
        ) from error
    except (KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{path}: incomplete ({error} is missing); export again") from error
    return Published(folder, manifest, recipe)


def export_around(file: Path) -> Path | None:
    """The exported folder that an artifact lies in, if it does."""
    folder = file.parent.parent if file.parent.name == REJECTED else file.parent
    return folder if (folder / MANIFEST).is_file() else None
