"""Activation ranges, measured in LiteRT on the very float32 file that they will quantize."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from queue import SimpleQueue
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from ca_deploy.errors import UserError
from ca_deploy.quantization.tflite_model import TFLiteModel
from ca_deploy.runtimes.litert import LiteRT

Found = TypeVar("Found")

_MOST_INTERPRETERS = 8
"""Each keeps every tensor of the network in memory."""


@dataclass(frozen=True)
class Range:
    """Lowest and highest value of a tensor."""

    low: float
    high: float

    def union(self, other: Range) -> Range:
        """The smallest range that holds both; NaN stays NaN."""
        return Range(float(np.minimum(self.low, other.low)), float(np.maximum(self.high, other.high)))

    @property
    def finite(self) -> bool:
        """Whether neither end is NaN or infinite."""
        return math.isfinite(self.low) and math.isfinite(self.high)

    def check_finite(self, tensor: str) -> None:
        """Make sure that integers can span it.

        Args:
            tensor: its name, for the message.

        Raises:
            UserError: when a value of it was NaN or infinite.
        """
        if not self.finite:
            raise UserError(
                f"{tensor}: NaN or infinite on a calibration image or a neighbour of one, which int8 cannot "
                "hold; clamp it in the network, or write fp32 or fp16 only"
            )


def measure_ranges(data: bytes, batches: Iterable[NDArray[np.float32]], threads: int) -> dict[int, Range]:
    """Exact minimum and maximum of every float32 activation over all calibration images.

    Args:
        data: a float32 .tflite whose input is one NHWC image.
        batches: calibration images as (N, 3, H, W) float32 arrays, read once and streamed.
        threads: how many images of a batch run at the same time, each on one thread; 8 at most.

    Returns:
        Ranges by tensor index, inputs and outputs of the graph included.
    """
    extremes = measure_extremes(data, batches, threads)
    return {index: Range(float(of[:, 0].min()), float(of[:, 1].max())) for index, of in extremes.items()}


def measure_extremes(
    data: bytes, batches: Iterable[NDArray[np.float32]], threads: int
) -> dict[int, NDArray[np.float64]]:
    """Lowest and highest value (images, 2) of every float32 activation on each image, in the images' order.

    See `measure_ranges` for the arguments.
    """
    indices = _activations(TFLiteModel(data))

    def extremes(values: list[NDArray[np.floating]]) -> NDArray[np.float64]:
        joined, starts = join(values)
        both = [np.minimum.reduceat(joined, starts), np.maximum.reduceat(joined, starts)]
        return np.stack(both, axis=1).astype(np.float64)

    found = np.stack(list(of_each_image(data, indices, batches, threads, extremes)), axis=1)
    return dict(zip(indices, found, strict=True))


def measure_highs(
    data: bytes, indices: Sequence[int], batches: Iterable[NDArray[np.float32]], threads: int
) -> dict[int, NDArray[np.float64]]:
    """Largest value of each channel (the last axis) of some tensors; see `measure_ranges`."""
    highs = {index: np.full(1, -np.inf) for index in indices}

    def largest(values: list[NDArray[np.floating]]) -> list[NDArray[np.float64]]:
        return [value.reshape(-1, value.shape[-1]).max(0).astype(np.float64) for value in values]

    for found in of_each_image(data, indices, batches, threads, largest):
        highs = {index: np.maximum(highs[index], value) for index, value in zip(indices, found, strict=True)}
    return highs


def measure_means(
    data: bytes, indices: Sequence[int], batches: Iterable[NDArray[np.float32]], threads: int
) -> dict[int, NDArray[np.float64]]:
    """Mean of every value of some tensors over all images, in the tensors' shape; see `measure_ranges`.

    Without indices no image is read.
    """
    if not indices:
        return {}
    count, sums = 0, [np.zeros(1)] * len(indices)
    for found in of_each_image(data, indices, batches, threads, lambda values: values):
        count += 1
        sums = [total + value for total, value in zip(sums, found, strict=True)]
    return {index: total / count for index, total in zip(indices, sums, strict=True)}


def of_each_image(
    data: bytes,
    indices: Sequence[int],
    batches: Iterable[NDArray[np.float32]],
    threads: int,
    statistic: Callable[[list[NDArray[np.floating]]], Found],
) -> Iterator[Found]:
    """What `statistic` makes of these tensors, image by image, in the images' order."""
    interpreters = min(threads, _MOST_INTERPRETERS)
    free: SimpleQueue[LiteRT] = SimpleQueue()
    for _ in range(interpreters):
        # XNNPACK keeps what lies inside a partition to itself; TFLite's own kernels show every tensor.
        free.put(LiteRT(data, threads=1, xnnpack=False, preserve_tensors=True))

    def found(image: NDArray[np.float32]) -> Found:
        runtime = free.get()
        try:
            runtime.run(image[None])
            return statistic([runtime.tensor(index) for index in indices])
        finally:
            free.put(runtime)  # after an error too: the images behind would wait for it for ever

    with ThreadPoolExecutor(interpreters) as pool:
        for batch in batches:
            yield from pool.map(found, batch)


def join(values: Sequence[NDArray[np.floating]]) -> tuple[NDArray[np.floating], NDArray[np.intp]]:
    """All values one behind the other, and where each tensor's begin.

    Most tensors are small: one call for all of them takes a fraction of the time of a call for each.
    """
    ends = np.cumsum([value.size for value in values])
    return np.concatenate([value.ravel() for value in values]), np.concatenate([[0], ends[:-1]])


def _activations(model: TFLiteModel) -> list[int]:
    """Indices of the float32 tensors that depend on the input."""
    computed = {index for operator in model.operators for index in map(int, operator.outputs)}
    return [index for index in sorted({*model.inputs, *computed}) if model.dtype(index) == np.float32]
