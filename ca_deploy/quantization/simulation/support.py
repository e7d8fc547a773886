"""Which operators the simulation runs as TFLite does, images apart along axis 0; and why not the others."""

from __future__ import annotations

from typing import Any

from ca_deploy.quantization.simulation.operators import (
    ACTIVATION_NAMES,
    ACTIVATIONS,
    KERNELS,
    fused_activation,
)
from ca_deploy.quantization.tflite_model import TFLiteModel

_CONSTANT_INPUTS = {
    "CONV_2D": (1, 2),
    "DEPTHWISE_CONV_2D": (1, 2),
    "FULLY_CONNECTED": (1, 2),
    "MEAN": (1,),
    "PAD": (1,),
    "REDUCE_MAX": (1,),
    "RESHAPE": (1,),
    "SPLIT": (0,),
    "TRANSPOSE": (1,),
}
"""Inputs that are weights, shapes or axes: the same for all images."""
_BROADCASTING = {"ADD", "MUL", "SUB"}


def obstacle(model: TFLiteModel, operator: Any) -> str | None:
    """What cannot be simulated, such as "EXP" or "ADD with fused TANH"; None when the operator can."""
    kind, fused = model.kind(operator), fused_activation(operator)
    if kind not in KERNELS:
        return kind
    if fused not in ACTIVATIONS:
        return f"{kind} with fused {ACTIVATION_NAMES[fused]}"
    computed = _computed(model, operator)
    if any(place in computed for place in _CONSTANT_INPUTS.get(kind, ())):
        return f"{kind} with computed weights, shape or axes"
    if not computed or (kind == "CONCATENATION" and len(computed) < len(operator.inputs)):
        return f"{kind} of constants"
    return None if _keeps_images_apart(model, operator, list(computed.values())) else f"{kind} across images"


def _computed(model: TFLiteModel, operator: Any) -> dict[int, int]:
    """Tensors that an operator reads and that depend on the image, by their place among its inputs."""
    inputs = enumerate(map(int, operator.inputs))
    return {place: index for place, index in inputs if index >= 0 and model.constant(index) is None}


def _keeps_images_apart(model: TFLiteModel, operator: Any, computed: list[int]) -> bool:
    """Whether axis 0 is the images before and after, and nothing flows along it."""
    batch = model.shape(model.inputs[0])[:1]
    shapes = [model.shape(index) for index in (*computed, *map(int, operator.outputs))]
    if any(shape[:1] != batch for shape in shapes):
        return False
    kind, rank = model.kind(operator), len(shapes[0])
    if kind in _BROADCASTING:
        others = [model.shape(int(index)) for index in operator.inputs if int(index) not in computed]
        return all(len(shape) == rank for shape in shapes) and all(
            len(shape) < rank or shape[0] == 1 for shape in others
        )
    if kind == "TRANSPOSE":
        return _numbers(model, operator)[0] == 0
    if kind in ("MEAN", "REDUCE_MAX"):
        return all(axis % rank for axis in _numbers(model, operator))
    return True


def _numbers(model: TFLiteModel, operator: Any) -> list[int]:
    """The axes that an operator takes as its second input."""
    values = model.constant(int(operator.inputs[1]))
    assert values is not None  # see _CONSTANT_INPUTS
    return [int(value) for value in values.reshape(-1)]
