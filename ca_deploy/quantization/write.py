"""The quantize step: one float32 .tflite to the precision that was asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ca_deploy.precisions import PRECISIONS
from ca_deploy.progress import Progress
from ca_deploy.quantization.balanced import quantize_balanced
from ca_deploy.quantization.calibration import Calibration
from ca_deploy.quantization.calibration_set import tracked_batches
from ca_deploy.quantization.chosen_ranges import choose_ranges
from ca_deploy.quantization.float16 import convert_float16
from ca_deploy.quantization.keep_float import kept_places
from ca_deploy.quantization.quantized import Quantized
from ca_deploy.quantization.reconstruction import Learning
from ca_deploy.quantization.static import Activations, quantize_static
from ca_deploy.quantization.tflite_model import TFLiteModel
from ca_deploy.quantization.weight_correction import correct_weight_errors
from ca_deploy.quantization.weight_only import convert_dynamic_int8, convert_weight_int8

_WITHOUT_IMAGES: dict[str, Callable[[bytes], bytes]] = {
    "fp32": bytes,
    "fp16": convert_float16,
    "dynamic_int8": convert_dynamic_int8,
    "weight_int8": convert_weight_int8,
}
_WEIGHTS_ALONE = ("int16x8", "dynamic_int8", "weight_int8")
"""Precisions whose error is that of rounding weights. int8 activations move means too, so there biases are
corrected for both at once."""


def at_precision(
    precision: str,
    data: bytes,
    calibration: Calibration,
    optimize: str,
    threads: int,
    progress: Progress,
    keep_float: Sequence[str] = (),
    method: str = "minmax",
    stated_means: Mapping[str, NDArray[np.float64]] | None = None,
    learning: Learning | None = None,
) -> Quantized:
    """Give a float32 .tflite at another precision; "fp32" is the file as it is.

    Args:
        precision: a name in `ca_deploy.precisions.PRECISIONS`.
        data: the float32 file.
        calibration: what ranges and means are taken from.
        optimize: "fast" takes the ranges only, "balanced" corrects biases and, for int8 activations, prepares
            the weights, and "best" keeps int8's sums and products float as well, and learns.
        threads: of the interpreter that measures ranges.
        progress: shows the images done.
        keep_float: which operators stay float32; see `kept_places`.
        method: how ranges of int8 activations are chosen, see `choose_ranges`; int16 has steps enough to
            hold every value and keeps "minmax".
        stated_means: of each channel, by the tensor's name, as batch normalization states them; used where
            weights alone are rounded, unless images contradict them.
        learning: how long and from where "best" learns; None learns nothing.
    """
    if optimize != "fast" and precision in _WEIGHTS_ALONE:
        images = tracked_batches(calibration.images, progress)
        data = correct_weight_errors(data, stated_means or {}, images, threads)
    if not PRECISIONS[precision].calibrated:
        return Quantized(_WITHOUT_IMAGES[precision](data))
    per_channel = precision != "int8_per_tensor"
    if optimize != "fast" and precision != "int16x8":
        best = optimize == "best"
        return quantize_balanced(
            data,
            calibration,
            threads,
            progress,
            per_channel,
            best,
            keep_float,
            method,
            learning if best else None,
        )
    data = TFLiteModel(data).dump()  # without unused tensors, so that indices stay as they are below
    activations: Activations = "int16" if precision == "int16x8" else "int8"
    chosen = method if activations == "int8" else "minmax"
    ranges = choose_ranges(data, calibration, chosen, threads, progress)
    kept = kept_places(data, keep_float, ranges, calibration.images, progress)
    return Quantized(quantize_static(data, ranges, kept, per_channel, activations))
