"""What an export leaves, as values."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ca_deploy.artifact import Artifact
from ca_deploy.plan import Plan

if TYPE_CHECKING:
    from ca_deploy.bench.devices import Measurement
    from ca_deploy.passes import PassRecord
    from ca_deploy.quantization.calibration_set import ImageSplit
    from ca_deploy.stages import Formulated
    from ca_deploy.tuning import Tuning
    from ca_deploy.verify.clients import ClientCheck
    from ca_deploy.verify.delegates import Delegation
    from ca_deploy.verify.ladder import Verdict


@dataclass(frozen=True)
class Exported:
    """One artifact with its proof.

    Attributes:
        artifact: the file, under `rejected/` when it failed.
        verdict: its parity and what its tolerance says.
        latency: on this machine, one measurement per number of threads.
        delegation: what the runtime's delegate takes; None for formats without delegates.
        clients: what other clients make of it; empty when that was not asked for.
    """

    artifact: Artifact
    verdict: Verdict
    latency: tuple[Measurement, ...]
    delegation: Delegation | None
    clients: tuple[ClientCheck, ...] = ()


@dataclass(frozen=True)
class ExportResult:
    """What an export leaves.

    Attributes:
        folder: the published folder.
        plan: what was asked for, resolved.
        origin: where the weights came from: path, sha256, layout, architecture.
        images: the calibration and parity sets.
        passes: a record of each canonical pass.
        formulated: what the passes behind them made for each target and precision.
        exported: the artifacts.
        warnings: lines that the user should read.
        tuning: what was measured to choose formulations; None when that was not asked for.
    """

    folder: Path
    plan: Plan
    origin: dict[str, Any]
    images: ImageSplit
    passes: tuple[PassRecord, ...]
    formulated: tuple[Formulated, ...]
    exported: tuple[Exported, ...]
    warnings: tuple[str, ...]
    tuning: Tuning | None = None

    @property
    def passed(self) -> bool:
        """Whether every artifact held its tolerance."""
        return all(one.verdict.passed for one in self.exported)

    def moved_to(self, folder: Path) -> ExportResult:
        """The same result once its folder has been published."""
        exported = tuple(
            replace(one, artifact=one.artifact.moved_to(folder / one.artifact.path.relative_to(self.folder)))
            for one in self.exported
        )
        return replace(self, folder=folder, exported=exported)
