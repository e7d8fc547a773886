"""The images that artifacts are timed on: what they show does not matter, only that they are the same."""

from __future__ import annotations

import numpy as np

from ca_deploy.runtimes import Runtime
from ca_deploy.runtimes.protocol import FloatBatch, TensorInfo

_CHANNELS = (1, 3, 4)  # of images; a shape that ends in one of them, and starts with none, is NHWC


def timing_images(runtime: Runtime, seed: int = 0) -> FloatBatch:
    """One batch of images, float32 (B,C,H,W), of the size that an artifact takes; the same for each seed."""
    (info,) = runtime.inputs
    shape = tuple(n or 1 for n in info.shape)
    if len(shape) == 4 and shape[-1] in _CHANNELS and shape[1] not in _CHANNELS:
        shape = (shape[0], shape[3], shape[1], shape[2])
    return np.random.default_rng(seed).uniform(*_range(info), shape).astype(np.float32)


def _range(info: TensorInfo) -> tuple[float, float]:
    """Of normalised images, or of all pixels for a file that takes pixels."""
    if info.dtype != np.uint8 or not info.quantization:
        return -1.0, 1.0
    low, high = info.quantization.dequantize(np.array([0, 255]))
    return float(low), float(high)
