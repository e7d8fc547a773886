"""The interface that apps want: pixels in, scores out, around a .tflite that takes normalised images.

Normalised zero, which convolutions pad with, is another pixel value in each channel and none of them whole,
so that normalisation cannot be folded into a first convolution that pads. It becomes the first operator
instead, a 1x1 depthwise convolution in float32 whose result has the very parameters that the file's own input
had: behind it the file is what it was, zero point and padding included. XNNPACK keeps all of it in the
partition, and it costs less than normalising in int8 would.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from ca_deploy.quantization.parameters import per_tensor
from ca_deploy.quantization.tflite_model import TFLiteModel

PixelType = Literal["uint8", "float32"]
SCORES = "scores"

_SUFFIX = f"/{SCORES}"
_PROBABILITIES = ("SOFTMAX", "LOGISTIC")  # operators that give them
_PIXEL_IS_ITSELF = per_tensor(1.0, 0, "uint8")


def with_app_interface(
    data: bytes, mean: Sequence[float], std: Sequence[float], pixels: PixelType = "uint8"
) -> bytes:
    """Give a .tflite pixels as its input and float32 as its outputs.

    Args:
        data: a file that takes one NHWC image normalised by `(pixel / 255 - mean) / std`, float32 or int8.
        mean: per channel, on pixels scaled to 0..1.
        std: per channel, likewise.
        pixels: type of the new input, which holds 0..255.

    Returns:
        The file with DEQUANTIZE (for uint8), a 1x1 DEPTHWISE_CONV_2D and QUANTIZE (for int8) before it, and a
        DEQUANTIZE (for int8) behind each output. A single output of shape (1, classes) that holds logits ends
        in SOFTMAX: its name in the signature becomes "scores".
    """
    model = TFLiteModel(data)
    before = _normalisation(model, np.asarray(mean, np.float64), np.asarray(std, np.float64), pixels)
    logits = _gives_logits(model)
    behind: list[Any] = []
    for output in model.outputs:
        behind += _as_float(model, output)
    if logits:
        behind.append(_softmax(model))
    model.operators = [*before, *model.operators, *behind]
    return model.dump()


def without_scores(data: bytes) -> bytes:
    """The same file without the SOFTMAX that `with_app_interface` put at its end, for comparing logits."""
    model = TFLiteModel(data)
    if _gives_scores(model):
        last = model.operators[-1]
        model.replace_output(int(last.outputs[0]), int(last.inputs[0]))
        model.operators = model.operators[:-1]
    return model.dump()


def _gives_scores(model: TFLiteModel) -> bool:
    """Whether `with_app_interface` put a SOFTMAX at the file's end."""
    return model.name(model.outputs[0]).endswith(_SUFFIX)


def _normalisation(model: TFLiteModel, mean: Any, std: Any, pixels: PixelType) -> list[Any]:
    """Operators from a new input tensor of pixels to the tensor that was the input."""
    (given,) = model.inputs
    taken = model.add_activation(given, "/pixels", _PIXEL_IS_ITSELF if pixels == "uint8" else None)
    operators: list[Any] = []
    real = taken
    if pixels == "uint8":
        real = model.add_activation(given, "/real", None)
        operators.append(model.new_operator("DEQUANTIZE", 1, taken, real))
    quantized = model.dtype(given) != np.float32
    normalised = model.add_activation(given, "/normalised", None) if quantized else given
    weights = model.add_constant(
        given, "/weights", (1 / (255 * std)).astype(np.float32)[None, None, None], None
    )
    bias = model.add_constant(given, "/bias", (-mean / std).astype(np.float32), None)
    options = schema.DepthwiseConv2DOptionsT()
    options.padding = schema.Padding.VALID
    options.strideH = options.strideW = options.depthMultiplier = 1
    options.dilationHFactor = options.dilationWFactor = 1
    operators.append(model.new_operator("DEPTHWISE_CONV_2D", 1, (real, weights, bias), normalised, options))
    if quantized:
        operators.append(model.new_operator("QUANTIZE", 1, normalised, given))
    model.replace_input(given, taken)
    return operators


def _as_float(model: TFLiteModel, output: int) -> list[Any]:
    """Operators that give an output in float32."""
    if model.dtype(output) == np.float32:
        return []
    real = model.add_activation(output, "/real", None)
    model.replace_output(output, real)
    return [model.new_operator("DEQUANTIZE", 2, output, real)]


def _gives_logits(model: TFLiteModel) -> bool:
    """Whether the one output is a row of several numbers that no operator has made probabilities of."""
    if len(model.outputs) != 1 or len(shape := model.shape(model.outputs[0])) != 2 or shape[1] == 1:
        return False
    writers = {int(index): operator for operator in model.operators for index in operator.outputs}
    writer = writers.get(model.outputs[0])
    while writer is not None and model.kind(writer) in ("QUANTIZE", "DEQUANTIZE"):
        writer = writers.get(int(writer.inputs[0]))
    return writer is None or model.kind(writer) not in _PROBABILITIES


def _softmax(model: TFLiteModel) -> Any:
    """The operator that turns the output's logits into scores."""
    (logits,) = model.outputs
    scores = model.add_activation(logits, _SUFFIX, None)
    model.replace_output(logits, scores, SCORES)
    options = schema.SoftmaxOptionsT()
    options.beta = 1.0
    return model.new_operator("SOFTMAX", 1, logits, scores, options)
