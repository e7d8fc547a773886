"""Operators that join two computed tensors: what costs least in float, and int8 most."""

from __future__ import annotations

from typing import Any

from ca_deploy.quantization.tflite_model import TFLiteModel


def float_joints(model: TFLiteModel) -> list[int]:
    """Places of the sums of two computed tensors, and of products with a gate of another shape.

    They have no weights, so that the file hardly grows. In float a residual sum is rounded where a layer
    reads it and not once more in every block, and a product of gates once and not after each factor.
    XNNPACK takes them with the conversions around them into the same partition. The product of h_swish (equal
    shapes, on pooled tensors) gained nothing and is left in int8.
    """
    return [place for place, operator in enumerate(model.operators) if _joins(model, operator)]


def _joins(model: TFLiteModel, operator: Any) -> bool:
    kind, inputs = model.kind(operator), [int(index) for index in operator.inputs]
    if kind not in ("ADD", "SUB", "MUL") or any(model.constant(index) is not None for index in inputs):
        return False
    return kind != "MUL" or model.shape(inputs[0]) != model.shape(inputs[1])
