"""Operators that join two computed tensors: what costs least in float, and int8 most."""

from __future__ import annotations

from ca_deploy.quantization.tflite_model import TFLiteModel

_JOINTS = ("ADD", "SUB", "MUL")


def float_joints(model: TFLiteModel) -> list[int]:
    """Places of the sums and products of two computed tensors.

    They have no weights, so that the file hardly grows. In float a residual sum is rounded where a layer
    reads it and not once more in every block, and a product of gates once and not after each factor.
    XNNPACK takes them with the conversions around them into the same partition.
    """
    return [
        place
        for place, operator in enumerate(model.operators)
        if model.kind(operator) in _JOINTS
        and all(model.constant(int(index)) is None for index in operator.inputs)
    ]
