"""What a bundle is made of: models as apps meet them, and what is known of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ca_deploy.artifact import Interface
from ca_deploy.recipe import Recipe


@dataclass(frozen=True)
class Model:
    """An artifact that goes into a bundle.

    Attributes:
        path: where it lies: a file, or a folder for formats that are one.
        interface: what it takes.
        facts: its entry in the export's manifest.
    """

    path: Path
    interface: Interface
    facts: dict[str, Any]

    @property
    def name(self) -> str:
        """Its name in the bundle."""
        return self.path.name

    @property
    def parity(self) -> str:
        """One line on how it compares with the network that it was made from."""
        parity = self.facts["parity"]
        sqnr = "equal" if parity["sqnr_db"] is None else f"{parity['sqnr_db']:.1f} dB SQNR"
        return (
            f"{sqnr} and {parity['agreement']:.1%} same top-1 class, against the PyTorch float32 network on "
            f"{parity['images']} images"
        )


@dataclass(frozen=True)
class Package:
    """Models and what their users must know.

    Attributes:
        recipe: preprocessing, and whose the weights are.
        labels: names of the classes, in the order of the output; None when the recipe has none.
        models: at least one.
    """

    recipe: Recipe
    labels: tuple[str, ...] | None
    models: tuple[Model, ...]
