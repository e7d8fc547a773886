"""The quantize step: one float32 .tflite to the precision that was asked for."""

from __future__ import annotations

from ca_deploy.progress import Progress
from ca_deploy.quantization.balanced import quantize_balanced
from ca_deploy.quantization.calibration import Calibration
from ca_deploy.quantization.float16 import convert_float16
from ca_deploy.quantization.quantized import Quantized
from ca_deploy.quantization.ranges import measure_ranges
from ca_deploy.quantization.static import quantize_static


def at_precision(
    precision: str, data: bytes, calibration: Calibration, optimize: str, threads: int, progress: Progress
) -> Quantized:
    """Give a float32 .tflite at another precision: "fp32" (as it is), "fp16" or "int8".

    Args:
        precision: what to write.
        data: the float32 file.
        calibration: what int8 is calibrated on.
        optimize: "fast" takes the ranges only; "balanced" corrects biases too.
        threads: of the interpreter that measures ranges.
        progress: shows the images done.
    """
    if precision == "fp32":
        return Quantized(data)
    if precision == "fp16":
        return Quantized(convert_float16(data))
    if optimize == "balanced":
        return quantize_balanced(data, calibration, threads, progress)
    ranges = measure_ranges(data, calibration.batches(progress), threads)
    return Quantized(quantize_static(data, ranges))
