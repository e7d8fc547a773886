"""Static int8 with everything that takes only seconds: headroom for the outputs, and corrected biases."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from ca_deploy.progress import Progress
from ca_deploy.quantization.bias_correction import corrected_biases
from ca_deploy.quantization.calibration_set import ImageSet, tracked_batches
from ca_deploy.quantization.quantized import Quantized
from ca_deploy.quantization.ranges import Range, measure_ranges
from ca_deploy.quantization.simulation import Simulation, objection
from ca_deploy.quantization.static import quantize_static
from ca_deploy.quantization.tflite_model import TFLiteModel

_HEADROOM = 1.5
"""Logits of images that the network is sure of lie beyond those of a hundred images, and clip. On the trained
CIFAR-10 network any factor from 1.1 to 1.5 gains about as much on images like those it was trained on;
calibrated on other photographs, more helps more."""
_IMAGES = 64
"""Enough for the means of channels; all of them are in memory at once."""
_PROOF_IMAGES = 2


def quantize_balanced(data: bytes, calibration: ImageSet, threads: int, progress: Progress) -> Quantized:
    """Write the int8 form of a float32 .tflite.

    Args:
        data: the float32 file.
        calibration: images that set ranges and biases.
        threads: of the interpreter that measures ranges.
        progress: shows the images done, and what had to be left out.

    Returns:
        The int8 file; with a warning when its biases are not corrected because they cannot be simulated.
    """
    data = TFLiteModel(data).dump()  # without unused tensors, so that indices stay as they are below
    ranges = measure_ranges(data, tracked_batches(calibration, progress), threads)
    ranges = with_headroom(ranges, TFLiteModel(data).outputs)
    simulation = Simulation(data)
    if reason := objection(simulation, data, calibration.first(_PROOF_IMAGES)):
        warning = f"biases are not corrected: {reason}"
        progress.note(warning)
        return Quantized(quantize_static(data, ranges), (warning,))
    biases = corrected_biases(simulation, ranges, calibration.first(_IMAGES))
    return Quantized(quantize_static(with_biases(data, biases), ranges))


def with_headroom(ranges: Mapping[int, Range], outputs: list[int]) -> dict[int, Range]:
    """Ranges with those of the graph's outputs widened around their middle."""
    widened = dict(ranges)
    for index in outputs:
        if index in ranges:
            low, high = ranges[index].low, ranges[index].high
            extra = (high - low) * (_HEADROOM - 1) / 2
            widened[index] = Range(low - extra, high + extra)
    return widened


def with_biases(data: bytes, biases: Mapping[int, NDArray[np.float32]]) -> bytes:
    """A .tflite with other constants by tensor index."""
    model = TFLiteModel(data)
    for index, values in biases.items():
        model.set_constant(index, values)
    return model.dump()
