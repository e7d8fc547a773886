"""What an evaluation leaves, as values."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ca_deploy.evaluation.accuracy import Accuracy
from ca_deploy.images import Skipped


@dataclass(frozen=True)
class Evaluated:
    """Something that was judged.

    Attributes:
        name: an artifact's path in the exported folder, or its file name; or what the float network is.
        runtime: what ran it, with its version.
        delegate: what executed the operators in it, such as XNNPACK.
        accuracy: what was found.
    """

    name: str
    runtime: str
    delegate: str
    accuracy: Accuracy


@dataclass(frozen=True)
class EvaluationResult:
    """What an evaluation leaves.

    Attributes:
        target: the exported folder or the file.
        data: the labelled images.
        labels: names of the classes in the order of the logits; None when they are numbers only.
        left_out: how many images were not judged because the export was calibrated on them.
        skipped: broken images.
        reference: the float network; None when it cannot be had.
        artifacts: each artifact, compared with the float network where there is one.
        warnings: lines that the user should read.
    """

    target: Path
    data: Path
    labels: tuple[str, ...] | None
    left_out: int
    skipped: tuple[Skipped, ...]
    reference: Evaluated | None
    artifacts: tuple[Evaluated, ...]
    warnings: tuple[str, ...]
