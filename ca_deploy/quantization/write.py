"""The quantize step: one float32 .tflite to the precision that was asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ca_deploy.precisions import PRECISIONS
from ca_deploy.progress import Progress
from ca_deploy.quantization.balanced import quantize_balanced
from ca_deploy.quantization.calibration import Calibration
from ca_deploy.quantization.chosen_ranges import choose_ranges
from ca_deploy.quantization.float16 import convert_float16
from ca_deploy.quantization.keep_float import kept_places
from ca_deploy.quantization.quantized import Quantized
from ca_deploy.quantization.static import Activations, quantize_static
from ca_deploy.quantization.tflite_model import TFLiteModel
from ca_deploy.quantization.weight_only import convert_dynamic_int8, convert_weight_int8

_WITHOUT_IMAGES: dict[str, Callable[[bytes], bytes]] = {
    "fp32": bytes,
    "fp16": convert_float16,
    "dynamic_int8": convert_dynamic_int8,
    "weight_int8": convert_weight_int8,
}


def at_precision(
    precision: str,
    data: bytes,
    calibration: Calibration,
    optimize: str,
    threads: int,
    progress: Progress,
    keep_float: Sequence[str] = (),
    method: str = "minmax",
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
        keep_float: which operators stay float32; see `kept_places`.
        method: how ranges of int8 activations are chosen, see `choose_ranges`; int16 has steps enough to
            hold every value and keeps "minmax".
    """
    if not PRECISIONS[precision].calibrated:
        return Quantized(_WITHOUT_IMAGES[precision](data))
    per_channel = precision != "int8_per_tensor"
    if optimize != "fast" and precision != "int16x8":
        mixed = optimize == "best"
        return quantize_balanced(data, calibration, threads, progress, per_channel, mixed, keep_float, method)
    data = TFLiteModel(data).dump()  # without unused tensors, so that indices stay as they are below
    activations: Activations = "int16" if precision == "int16x8" else "int8"
    chosen = method if activations == "int8" else "minmax"
    ranges = choose_ranges(data, calibration, chosen, threads, progress)
    kept = kept_places(data, keep_float, ranges, calibration.images, progress)
    return Quantized(quantize_static(data, ranges, kept, per_channel, activations))
