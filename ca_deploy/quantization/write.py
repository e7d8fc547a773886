"""The quantize step: one float32 .tflite to the precision that was asked for."""

from __future__ import annotations

from ca_deploy.progress import Progress
from ca_deploy.quantization.calibration_set import ImageSet
from ca_deploy.quantization.float16 import convert_float16
from ca_deploy.quantization.ranges import measure_ranges
from ca_deploy.quantization.static import quantize_static

_BATCH = 32


def at_precision(
    precision: str, data: bytes, calibration: ImageSet, threads: int, progress: Progress
) -> bytes:
    """Give a float32 .tflite at another precision: "fp32" (as it is), "fp16" or "int8".

    Args:
        precision: what to write.
        data: the float32 file.
        calibration: images that set the activation ranges of int8.
        threads: of the interpreter that measures them.
        progress: shows the images done.
    """
    if precision == "fp32":
        return data
    if precision == "fp16":
        return convert_float16(data)
    batches = (
        image[None]
        for image in progress.track(
            (image for batch in calibration.batches(_BATCH) for image in batch), len(calibration), "images"
        )
    )
    return quantize_static(data, measure_ranges(data, batches, threads))
