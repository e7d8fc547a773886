"""The quantize step: one float32 .tflite to the precision that was asked for."""

from __future__ import annotations

from collections.abc import Callable

from ca_deploy.precisions import PRECISIONS
from ca_deploy.progress import Progress
from ca_deploy.quantization.balanced import quantize_balanced
from ca_deploy.quantization.calibration import Calibration
from ca_deploy.quantization.float16 import convert_float16
from ca_deploy.quantization.quantized import Quantized
from ca_deploy.quantization.ranges import measure_ranges
from ca_deploy.quantization.static import Activations, quantize_static
from ca_deploy.quantization.weight_only import convert_dynamic_int8, convert_weight_int8

_WITHOUT_IMAGES: dict[str, Callable[[bytes], bytes]] = {
    "fp32": bytes,
    "fp16": convert_float16,
    "dynamic_int8": convert_dynamic_int8,
    "weight_int8": convert_weight_int8,
}


def at_precision(
    precision: str, data: bytes, calibration: Calibration, optimize: str, threads: int, progress: Progress
) -> Quantized:
    """Give a float32 .tflite at another precision; "fp32" is the file as it is.

    Args:
        precision: a name in `ca_deploy.precisions.PRECISIONS`.
        data: the float32 file.
        calibration: what ranges are taken from; precisions without ranges do not read it.
        optimize: for int8 activations: "fast" takes the ranges only, "balanced" prepares the weights and
            corrects biases too, and "best" keeps sums and products float as well.
        threads: of the interpreter that measures ranges.
        progress: shows the images done.
    """
    if not PRECISIONS[precision].calibrated:
        return Quantized(_WITHOUT_IMAGES[precision](data))
    per_channel = precision != "int8_per_tensor"
    if optimize != "fast" and precision != "int16x8":
        return quantize_balanced(data, calibration, threads, progress, per_channel, optimize == "best")
    ranges = measure_ranges(data, calibration.batches(progress), threads)
    activations: Activations = "int16" if precision == "int16x8" else "int8"
    return Quantized(quantize_static(data, ranges, per_channel=per_channel, activations=activations))
