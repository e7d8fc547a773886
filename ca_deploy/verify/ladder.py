"""The parity ladder: every artifact on its runtime against the PyTorch network as it was loaded."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ca_deploy.metrics import Parity, parity
from ca_deploy.progress import Progress
from ca_deploy.recipe import Tolerance
from ca_deploy.runtimes import Runtime

FloatArray = NDArray[np.float32]


@dataclass(frozen=True)
class Verdict:
    """Parity of one artifact and what its tolerance says of it.

    Attributes:
        parity: agreement with the reference.
        failures: one line for each bound that is not held; empty when it passed.
        runtime: what it was measured with, and its version.
    """

    parity: Parity
    failures: tuple[str, ...]
    runtime: str = ""

    @property
    def passed(self) -> bool:
        """Whether every bound is held."""
        return not self.failures


def outputs_of(
    runtime: Runtime,
    batches: Iterable[FloatArray],
    total: int,
    progress: Progress,
    channels_last: bool = False,
) -> FloatArray:
    """Run all images and give their outputs as one (images, values) array, dequantized.

    Args:
        runtime: the loaded artifact or network.
        batches: images as (N, 3, H, W) float32 arrays.
        total: how many images there are.
        progress: shows the images done.
        channels_last: the runtime gives feature maps as NHWC; they are turned to NCHW to be comparable.
    """
    rows = []
    done = progress.track((image for batch in batches for image in batch), total, "images")
    for chunk in _chunks(done, 16):
        outputs = runtime.run(chunk)
        rows.append(np.concatenate([_flat(output, channels_last) for output in outputs], axis=1))
    return np.concatenate(rows)


def judge(reference: FloatArray, outputs: FloatArray, tolerance: Tolerance) -> Verdict:
    """Compare (images, values) outputs with the reference and hold the result to its tolerance."""
    if not np.all(np.isfinite(outputs)):
        bad = int(np.sum(~np.isfinite(outputs).all(axis=1)))
        outputs = np.nan_to_num(outputs)
        return Verdict(parity(reference, outputs), (f"NaN or Inf in the outputs of {bad} images",))
    measured = parity(reference, outputs)
    return Verdict(measured, tuple(_failures(measured, tolerance)))


def _failures(measured: Parity, tolerance: Tolerance) -> Iterable[str]:
    if tolerance.max_relative is not None and not measured.relative <= tolerance.max_relative:
        yield f"max abs difference {measured.relative:.2e} of the scale, above {tolerance.max_relative:.0e}"
    if tolerance.min_sqnr_db is not None and not measured.sqnr_db >= tolerance.min_sqnr_db:
        yield f"SQNR {measured.sqnr_db:.1f} dB, below {tolerance.min_sqnr_db:.1f} dB"
    if tolerance.min_agreement is not None and not measured.agreement >= tolerance.min_agreement:
        yield f"agreement {measured.agreement:.1%}, below {tolerance.min_agreement:.1%}"


def _chunks(images: Iterable[FloatArray], size: int) -> Iterable[FloatArray]:
    """Stack single images to batches again, so that progress moves image by image."""
    chunk: list[FloatArray] = []
    for image in images:
        chunk.append(image)
        if len(chunk) == size:
            yield np.stack(chunk)
            chunk = []
    if chunk:
        yield np.stack(chunk)


def _flat(output: FloatArray, channels_last: bool) -> FloatArray:
    if channels_last and output.ndim == 4:
        output = output.transpose(0, 3, 1, 2)
    return output.reshape(len(output), -1)
