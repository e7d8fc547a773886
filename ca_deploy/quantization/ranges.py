"""Activation ranges, measured in LiteRT on the very float32 file that they will quantize."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from queue import SimpleQueue

import numpy as np
from numpy.typing import NDArray

from ca_deploy.quantization.tflite_model import TFLiteModel
from ca_deploy.runtimes.litert import LiteRT

_MOST_INTERPRETERS = 8
"""Each keeps every tensor of the network in memory."""


@dataclass(frozen=True)
class Range:
    """Lowest and highest value of a tensor."""

    low: float
    high: float

    def union(self, other: Range) -> Range:
        """The smallest range that holds both."""
        return Range(min(self.low, other.low), max(self.high, other.high))


def measure_ranges(data: bytes, batches: Iterable[NDArray[np.float32]], threads: int) -> dict[int, Range]:
    """Exact minimum and maximum of every float32 activation over all calibration images.

    Args:
        data: a float32 .tflite whose input is one NHWC image.
        batches: calibration images as (N, 3, H, W) float32 arrays, read once and streamed.
        threads: how many images of a batch run at the same time, each on one thread; 8 at most.

    Returns:
        Ranges by tensor index, inputs and outputs of the graph included.
    """
    indices = _activations(TFLiteModel(data))
    interpreters = min(threads, _MOST_INTERPRETERS)
    free: SimpleQueue[LiteRT] = SimpleQueue()
    for _ in range(interpreters):
        # XNNPACK keeps what lies inside a partition to itself; TFLite's own kernels show every tensor.
        free.put(LiteRT(data, threads=1, xnnpack=False, preserve_tensors=True))

    def extremes(image: NDArray[np.float32]) -> NDArray[np.float64]:
        runtime = free.get()
        try:
            runtime.run(image[None])
            values = [runtime.tensor(index) for index in indices]
            return np.array([[value.min(), value.max()] for value in values], np.float64)
        finally:
            free.put(runtime)  # after an error too: the images behind would wait for it for ever

    lows, highs = np.full(len(indices), np.inf), np.full(len(indices), -np.inf)
    with ThreadPoolExecutor(interpreters) as pool:
        for batch in batches:
            for found in pool.map(extremes, batch):
                lows, highs = np.minimum(lows, found[:, 0]), np.maximum(highs, found[:, 1])
    return {
        index: Range(float(low), float(high)) for index, low, high in zip(indices, lows, highs, strict=True)
    }


def _activations(model: TFLiteModel) -> list[int]:
    """Indices of the float32 tensors that depend on the input."""
    computed = {index for operator in model.operators for index in map(int, operator.outputs)}
    return [index for index in sorted({*model.inputs, *computed}) if model.dtype(index) == np.float32]
