"""What a kind of artifact is written from, and what writing it gives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ca_deploy.artifact import Artifact
from ca_deploy.plan import Plan
from ca_deploy.progress import Progress
from ca_deploy.stages.rewriting import names_of

if TYPE_CHECKING:
    from torch import Tensor

    from ca_deploy.exporters.tflite import Converter
    from ca_deploy.passes import Pass, PassesResult, PassRecord
    from ca_deploy.quantization.calibration import Calibration
    from ca_deploy.quantization.calibration_set import ImageSplit


_EQUALIZED_ON = 64  # images: enough for the range of every channel


@dataclass(frozen=True)
class Work:
    """What every kind of artifact is written from.

    Attributes:
        plan: what was asked for; a kind that it does not ask for writes nothing.
        folder: where the files go.
        canonical: the one graph that every formulation starts from, and its passes' records; never changed.
        examples: one random and one real input (1, 3, H, W) float32, for proving passes.
        images: the calibration and parity sets.
        calibration: what int8 is calibrated on.
        converter: TensorFlow's converter in its own process.
        progress: what to report to.
    """

    plan: Plan
    folder: Path
    canonical: PassesResult
    examples: list[Tensor]
    images: ImageSplit
    calibration: Calibration
    converter: Converter
    progress: Progress

    def formed(self, passes: Sequence[Pass]) -> PassesResult:
        """The canonical graph after further passes, each proved.

        Raises:
            VerificationError: a pass changed the mathematics.
        """
        from ca_deploy.passes import run_passes
        from ca_deploy.runtimes.torch_threads import torch_threads

        with torch_threads(1):
            return run_passes(self.canonical.graph, passes, self.examples)

    def equalization(self) -> tuple[Pass, ...]:
        """What prepares a graph for int8, whatever its formulation."""
        import torch

        from ca_deploy.passes.equalization import EqualizeStreams

        if self.plan.optimize == "fast":
            return ()
        images = (self.calibration.images.first(_EQUALIZED_ON), self.calibration.limits)
        return (EqualizeStreams([torch.from_numpy(image[None]) for batch in images for image in batch]),)

    def pass_names(self, further: Sequence[PassRecord] = ()) -> tuple[str, ...]:
        """Names of the canonical and further passes that changed something, in order."""
        return names_of((*self.canonical.records, *further))


@dataclass(frozen=True)
class Formulated:
    """A graph that some artifacts of a target share, and what the passes behind the canonical ones did.

    Attributes:
        target: that it was formed for.
        precisions: of those artifacts.
        passes: what each of them did.
        unscaled: ReLU6 outputs whose channels int8 could not scale, and why, one line each.
    """

    target: str
    precisions: tuple[str, ...]
    passes: tuple[PassRecord, ...]
    unscaled: tuple[str, ...] = ()


@dataclass(frozen=True)
class Written:
    """What one kind, or all of them, wrote.

    Attributes:
        artifacts: the files.
        formulated: the graphs that they were lowered from.
        warnings: what the user should know, one line each.
    """

    artifacts: tuple[Artifact, ...] = ()
    formulated: tuple[Formulated, ...] = ()
    warnings: tuple[str, ...] = ()

    def __add__(self, other: Written) -> Written:
        """Both together, in order."""
        return Written(
            self.artifacts + other.artifacts,
            self.formulated + other.formulated,
            self.warnings + other.warnings,
        )
