"""A .tflite in the clients that apps use, each in an environment of its own, beside LiteRT here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ca_deploy.runtimes.litert import LiteRT
from ca_deploy.runtimes.protocol import FloatBatch
from ca_deploy.verify.legacy_runtime import legacy_python, run_on_legacy_runtime
from ca_deploy.verify.mediapipe_runtime import MEDIAPIPE, Category, Pixels, classify, mediapipe_python
from ca_deploy.verify.xnnpack.conditions import TFLITE_2_14

_ROUNDING = 1e-5  # of a score; runtimes of other versions add in another order
_SAME_BEST_ON_2_14 = 0.98
"""At least, of images: what computes with floats, or with 16 bits, differs by the order of sums only, and one
near tie in 50 images is no fault."""
_INT8_KERNELS = {"int8": 0.90, "int8_per_tensor": 0.90}
"""By precision, where kernels of 2.14 round to the neighbouring step, which flips near classes. Of 264 images
96.6 % stay (docs/android.md); chance makes 90 to 100 % of that in 50."""


@dataclass(frozen=True)
class ClientCheck:
    """What a client makes of a file, beside LiteRT here.

    Attributes:
        client: its name and version.
        images: how many both ran.
        best: how many of the best classes were compared.
        agreed: share of the images (0 to 1) on which those are the same.
        wanted: the least share that is no fault.
        max_difference: of any score or output that was compared.
        note: one line on what else was found; empty when nothing was.
    """

    client: str
    images: int
    best: int
    agreed: float
    wanted: float
    max_difference: float
    note: str

    @property
    def fault(self) -> str | None:
        """One line when it agreed on too few images."""
        if self.agreed >= self.wanted:
            return None
        return (
            f"{self.client}: gives the same best classes as LiteRT on {self.agreed:.0%} of {self.images} "
            f"images, below {self.wanted:.0%}"
        )


def fetch_clients() -> None:
    """Make the clients' environments where they are missing.

    Raises:
        UserError: when one of them cannot be made.
    """
    legacy_python()
    mediapipe_python()


def check_clients(
    model: Path,
    precision: str,
    takes_pixels: bool,
    images: FloatBatch,
    photographs: Sequence[Pixels] | None = None,
) -> list[ClientCheck]:
    """Run a file in every client that can take it.

    Args:
        model: a .tflite.
        precision: its own.
        takes_pixels: and gives scores, so that MediaPipe can take it.
        images: float32 (N, 3, H, W), as the file takes them.
        photographs: the same images before the recipe's resize and crop, or None; see `check_mediapipe`.

    Raises:
        UserError: when a client's environment cannot be made.
        VerificationError: when a client does not load or run the file.
    """
    found = [check_old_tflite(model, precision, images)]
    if takes_pixels and _is_classifier(LiteRT(model)):
        prepared = list(images.transpose(0, 2, 3, 1).astype(np.uint8))
        found.append(check_mediapipe(model, prepared, photographs))
    return found


def _is_classifier(runtime: LiteRT) -> bool:
    """Whether a file gives one row of numbers, as MediaPipe's ImageClassifier asks."""
    return len(runtime.outputs) == 1 and len(runtime.outputs[0].shape) == 2


def same_best_on_old(precision: str) -> float:
    """The least share of images whose best class is the same on 2.14."""
    return _INT8_KERNELS.get(precision, _SAME_BEST_ON_2_14)


def check_old_tflite(model: Path, precision: str, images: FloatBatch) -> ClientCheck:
    """Run a file on tflite-runtime 2.14.0 and on LiteRT.

    Args:
        model: a .tflite.
        precision: its own, which says how far kernels of that age may be from today's.
        images: float32 (N, 3, H, W), as the file takes them.

    Raises:
        UserError: when the old runtime's environment cannot be made.
        VerificationError: when the file does not load or run there.
    """
    old = run_on_legacy_runtime(model, images)
    expected, found = (_in_rows(outputs) for outputs in (LiteRT(model).run(images), old.outputs))
    delegation = old.delegation
    return ClientCheck(
        client=TFLITE_2_14,
        images=len(images),
        best=1,
        agreed=float(np.mean(found.argmax(1) == expected.argmax(1))),
        wanted=same_best_on_old(precision),
        max_difference=float(np.abs(found - expected).max()),
        note=f"XNNPACK takes {delegation.delegated} of {delegation.nodes} operators there, in "
        f"{delegation.partitions} partitions",
    )


def check_mediapipe(
    model: Path, prepared: Sequence[Pixels], photographs: Sequence[Pixels] | None = None
) -> ClientCheck:
    """Run a classifier in MediaPipe's ImageClassifier and on LiteRT.

    Args:
        model: a .tflite that takes pixels and gives scores.
        prepared: uint8 (H, W, 3) images at the model's size, which both get.
        photographs: the same images before the recipe's resize and crop, or None: MediaPipe resizes these
            itself, and the note says how much that changes.

    Raises:
        UserError: when mediapipe's environment cannot be made.
        VerificationError: when MediaPipe does not load or run the file.
    """
    batch = np.stack(prepared).transpose(0, 3, 1, 2).astype(np.float32)
    (expected,) = LiteRT(model).run(batch)
    found = classify(model, prepared)
    pairs = list(zip(found, expected, strict=True))
    return ClientCheck(
        client=MEDIAPIPE,
        images=len(found),
        best=len(found[0]),
        agreed=float(np.mean([_same_best(best, scores) for best, scores in pairs])),
        wanted=1.0,
        max_difference=float(
            max(abs(one.score - scores[one.index]) for best, scores in pairs for one in best)
        ),
        note="" if photographs is None else _own_resize(classify(model, photographs), expected),
    )


def _own_resize(best: Sequence[Sequence[Category]], expected: FloatBatch) -> str:
    """How much it changes that a client resizes whole photographs itself."""
    pairs = [(one[0], scores) for one, scores in zip(best, expected, strict=True)]
    kept = np.mean([first.index == scores.argmax() for first, scores in pairs])
    shift = np.median([abs(first.score - scores[first.index]) for first, scores in pairs])
    return (
        f"its own resize of whole photographs keeps the best class of {kept:.0%} and moves its score by "
        f"{shift:.3f} (median)"
    )


def _in_rows(outputs: Sequence[FloatBatch]) -> FloatBatch:
    """All outputs of an image in one row: (images, values)."""
    return np.concatenate([output.reshape(len(output), -1) for output in outputs], axis=1)


def _same_best(best: Sequence[Category], scores: FloatBatch) -> bool:
    """Whether a client's best classes are ours: each with our score, and none better left out.

    Equal scores, which int8 gives often, may come in any order.
    """
    ours = np.sort(scores)[::-1][: len(best)]
    own = np.array([scores[one.index] for one in best])
    theirs = np.array([one.score for one in best])
    return bool(np.all(np.abs(theirs - own) <= _ROUNDING) and np.all(np.abs(theirs - ours) <= _ROUNDING))
