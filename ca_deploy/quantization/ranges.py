"""Activation ranges, measured in LiteRT on the very float32 file that they will quantize."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ca_deploy.quantization.tflite_model import TFLiteModel
from ca_deploy.runtimes.litert import LiteRT


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
        batches: calibration images as (N, 3, H, W) float32 arrays, read once.
        threads: threads of the interpreter.

    Returns:
        Ranges by tensor index, inputs and outputs of the graph included.
    """
    # XNNPACK keeps what lies inside a partition to itself; TFLite's own kernels show every tensor.
    runtime = LiteRT(data, threads, xnnpack=False, preserve_tensors=True)
    indices = _activations(TFLiteModel(data))
    lows, highs = np.full(len(indices), np.inf), np.full(len(indices), -np.inf)
    for batch in batches:
        for image in batch:
            runtime.run(image[None])
            for place, index in enumerate(indices):
                values = runtime.tensor(index)
                lows[place] = min(lows[place], values.min())
                highs[place] = max(highs[place], values.max())
    return {
        index: Range(float(low), float(high)) for index, low, high in zip(indices, lows, highs, strict=True)
    }


def _activations(model: TFLiteModel) -> list[int]:
    """Indices of the float32 tensors that depend on the input."""
    computed = {index for operator in model.operators for index in map(int, operator.outputs)}
    return [index for index in sorted({*model.inputs, *computed}) if model.dtype(index) == np.float32]
