"""What tuning chose for a whole network, as values."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from ca_deploy.recipe import Formulation, Formulations
from ca_deploy.tuning.candidates import differing
from ca_deploy.tuning.search import Found, Trial


@dataclass(frozen=True)
class TunedBlocks:
    """Blocks of the same operators and shapes, measured once.

    Attributes:
        target: that the files are formed for.
        precision: that the choice is for: what the graph is formulated as.
        measured_as: precision of the files that were measured.
        paths: of the blocks' modules.
        shape: of the map that they gate, (N, C, H, W).
        start: what the target does to them.
        found: what is fastest.
    """

    target: str
    precision: str
    measured_as: str
    paths: tuple[str, ...]
    shape: tuple[int, ...]
    start: Formulation
    found: Found

    def document(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "target": self.target,
            "precision": self.precision,
            "measured_as": self.measured_as,
            "blocks": list(self.paths),
            "shape": list(self.shape),
            "chosen": self.found.formulation.model_dump(),
            "changed": dict(differing(self.found.formulation, self.start)),
            "complete": self.found.complete,
            "trials": [_trial(trial) for trial in self.found.trials],
        }


@dataclass(frozen=True)
class Tuning:
    """What was measured, where, and what came of it.

    Attributes:
        device: the device's name.
        blocks: one entry for each kind of blocks, target and precision.
    """

    device: str
    blocks: tuple[TunedBlocks, ...]

    def formulations(self) -> Formulations:
        """For the recipe: every block that was looked at, with every key stated."""
        result: dict[Any, dict[Any, dict[str, Formulation]]] = {}
        for blocks in self.blocks:
            by_path = result.setdefault(blocks.target, {}).setdefault(blocks.precision, {})
            by_path.update(dict.fromkeys(blocks.paths, blocks.found.formulation))
        return result

    def warnings(self) -> tuple[str, ...]:
        """What the user should know."""
        left = [path for blocks in self.blocks if not blocks.found.complete for path in blocks.paths]
        if not left:
            return ()
        names = ", ".join(dict.fromkeys(left))
        return (f"--tune ran out of time before it had tried everything for {names}; see --tune-minutes",)

    def document(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "device": self.device,
            "blocks": [blocks.document() for blocks in self.blocks],
        }


def _trial(trial: Trial) -> dict[str, Any]:
    return {
        "formulation": trial.formulation.model_dump(),
        trial.unit: trial.cost,
        "over_current": trial.ratio,
        "sqnr_db": trial.sqnr_db if math.isfinite(trial.sqnr_db) else None,
        "agrees": trial.agrees,
    }
