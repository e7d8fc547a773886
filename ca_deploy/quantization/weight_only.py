"""int8 weights without calibration: stored in a quarter of the space, computed with in float32 or int8."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

import numpy as np

from ca_deploy.quantization.parameters import quantize, symmetric
from ca_deploy.quantization.rules import Rule
from ca_deploy.quantization.static import rule_of
from ca_deploy.quantization.tflite_model import TFLiteModel

_PER_CHANNEL_DEQUANTIZE, _PER_TENSOR_DEQUANTIZE = 5, 2
_DYNAMIC_VERSIONS = {"CONV_2D": 5, "FULLY_CONNECTED": 9}
"""The first versions that take float32 inputs with int8 weights (op_version.cc): per channel in CONV_2D, with
asymmetric inputs in FULLY_CONNECTED. DEPTHWISE_CONV_2D has one too, but XNNPACK does not take it."""


def convert_weight_int8(data: bytes) -> bytes:
    """Store the weights of a float32 .tflite as int8 behind a DEQUANTIZE; everything is computed in float32.

    Weights are symmetric, per output channel (FULLY_CONNECTED: per tensor); all else stays as it is.
    """
    return _converted(data, dynamic=())


def convert_dynamic_int8(data: bytes) -> bytes:
    """Store the weights of a float32 .tflite as int8, and let convolutions round their input as it comes.

    The input of a CONV_2D or FULLY_CONNECTED is rounded to int8 by its own range in each inference ("dynamic
    range") and multiplied in integers; the result is float32 again. Other operators compute in float32.
    """
    return _converted(data, dynamic=_DYNAMIC_VERSIONS)


def _converted(data: bytes, dynamic: Collection[str]) -> bytes:
    """int8 weights, which operators of the kinds in `dynamic` read as they are."""
    model = TFLiteModel(data)
    stored: dict[int, int] = {}
    dequantized: dict[int, int] = {}
    conversions: list[Any] = []
    for operator, rule in _weighted(model):
        index, kind = int(operator.inputs[rule.weights]), model.kind(operator)
        if index not in stored:
            stored[index] = _int8(model, index, rule)
        if kind in dynamic and not _grouped(model, operator):
            operator.inputs[rule.weights] = stored[index]
            if kind == "FULLY_CONNECTED":  # CONV_2D rounds its input asymmetrically, always
                operator.builtinOptions.asymmetricQuantizeInputs = True
            model.require_version(operator, _DYNAMIC_VERSIONS[kind])
            continue
        if index not in dequantized:
            dequantized[index] = model.add_activation(index, "/dequantize", None)
            version = _PER_TENSOR_DEQUANTIZE if rule.axis is None else _PER_CHANNEL_DEQUANTIZE
            conversions.append(model.new_operator("DEQUANTIZE", version, stored[index], dequantized[index]))
        operator.inputs[rule.weights] = dequantized[index]
    model.operators = [*conversions, *model.operators]
    return model.dump()


def _weighted(model: TFLiteModel) -> Iterator[tuple[Any, Rule]]:
    """Operators with constant float32 weights, and which of their inputs those are."""
    for operator in model.operators:
        rule = rule_of(model, operator)
        if rule is not None and rule.weights >= 0:
            operator.inputs = [int(index) for index in operator.inputs]
            yield operator, rule


def _int8(model: TFLiteModel, index: int, rule: Rule) -> int:
    """The same weights as an int8 constant."""
    values = model.constant(index)
    assert values is not None  # or `rule_of` gives no rule
    params = symmetric(np.asarray(values), rule.axis)
    return model.add_constant(index, "/int8", quantize(values, params), params)


def _grouped(model: TFLiteModel, operator: Any) -> bool:
    """Whether a CONV_2D reads its input in groups, which the kernel that rounds inputs does not."""
    if model.kind(operator) != "CONV_2D":
        return False
    source, weights = int(operator.inputs[0]), int(operator.inputs[1])
    return model.shape(source)[3] != model.shape(weights)[3]
