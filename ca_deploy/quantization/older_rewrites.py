"""Ways to write an operator with others that TFLite had before it, the same to rounding of float32."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray

from ca_deploy.quantization.tflite_model import TFLiteModel

_Activation = schema.ActivationFunctionType


class Place:
    """Where one operator stood: what is written in its place, and the tensors that it reads and writes."""

    def __init__(self, model: TFLiteModel, operator: Any) -> None:
        self.model = model
        self.operator = operator
        self.inputs = [int(index) for index in operator.inputs]
        (self.result,) = map(int, operator.outputs[:1])
        self.written: list[Any] = []

    def constant(self, values: NDArray[Any] | float, like: int | None = None) -> int:
        """A new constant; numbers become float32."""
        array = np.asarray(values)
        array = array.astype(np.float32) if array.dtype == np.float64 else array
        return self.model.add_constant(self.result if like is None else like, self._suffix(), array, None)

    def value(
        self,
        kind: str,
        *inputs: int,
        options: Any = None,
        like: int | None = None,
        last: bool = False,
    ) -> int:
        """What version 1 of an operator computes.

        It is the place's own result when that is the last one, or a new float32 tensor shaped like another.
        """
        result = self.result
        if not last:
            result = self.model.add_activation(result if like is None else like, self._suffix(), None)
        self.written.append(self.model.new_operator(kind, 1, inputs, result, options))
        return result

    def _suffix(self) -> str:
        return f"/older{len(self.model.tensors)}"


def _hard_swish(place: Place) -> bool:
    """ADD with fused RELU6 and two MULs: x · relu6(x + 3) · 1/6."""
    (x,) = place.inputs
    ramp = place.value("ADD", x, place.constant(3.0), options=_add(_Activation.RELU6))
    product = place.value("MUL", x, ramp, options=_mul())
    place.value("MUL", product, place.constant(1 / 6), options=_mul(), last=True)
    return True


def _gelu(place: Place) -> bool:
    """MULs, ADDs and TANH: x/2 · (1 + tanh(√(2/π) · (x + 0.044715 x³))).

    The error function has no older operator.
    """
    if not place.operator.builtinOptions.approximate:
        return False
    (x,) = place.inputs
    square = place.value("MUL", x, x, options=_mul())
    scaled = place.value("MUL", square, place.constant(0.044715), options=_mul())
    factor = place.value("ADD", scaled, place.constant(1.0), options=_add())
    inner = place.value("MUL", x, factor, options=_mul())
    wide = place.value("MUL", inner, place.constant(math.sqrt(2 / math.pi)), options=_mul())
    ramp = place.value("ADD", place.value("TANH", wide), place.constant(1.0), options=_add())
    half = place.value("MUL", x, place.constant(0.5), options=_mul())
    place.value("MUL", half, ramp, options=_mul(), last=True)
    return True


def _sign(place: Place) -> bool:
    """GREATER, CAST and SUB: (x > 0) - (0 > x), each 0 or 1."""
    (x,) = place.inputs
    if place.model.dtype(x) != np.float32:
        return False
    zero = place.constant(0.0)
    sides = [place.value("GREATER", *pair) for pair in ((x, zero), (zero, x))]
    for side in sides:
        place.model.tensors[side].type = schema.TensorType.BOOL
    numbers = [place.value("CAST", side, options=_cast_from_bool()) for side in sides]
    place.value("SUB", *numbers, options=schema.SubOptionsT(), last=True)
    return True


def _broadcast_to(place: Place) -> bool:
    """RESHAPE to the result's rank, and TILE."""
    model, source, shape = place.model, place.inputs[0], place.model.shape(place.result)
    own = model.shape(source)
    if model.dtype(source) != np.float32 or model.constant(source) is not None:
        return False
    full = [1] * (len(shape) - len(own)) + own
    if full != own:
        source = place.value("RESHAPE", source, place.constant(np.array(full, np.int32)), like=source)
        model.set_shape(source, full)
    times = np.array([wanted // length for wanted, length in zip(shape, full, strict=True)], np.int32)
    place.value("TILE", source, place.constant(times), options=schema.TileOptionsT(), last=True)
    return True


def _grouped_convolution(place: Place) -> bool:
    """SPLIT, a CONV_2D for each group, and CONCATENATION.

    One without groups has the version of those with groups too, since the converter gives one to a kind.
    """
    model, options = place.model, place.operator.builtinOptions
    x, weights, *biases = place.inputs
    kernels, channels = model.constant(weights), model.shape(x)[3]
    offsets = model.constant(biases[0]) if biases and biases[0] >= 0 else None
    if kernels is None or offsets is None:
        return False
    if kernels.shape[3] == channels:
        place.value("CONV_2D", *place.inputs, options=options, last=True)
        return True
    groups = channels // kernels.shape[3]
    axis = place.constant(np.array(3, np.int32))
    parts = [place.value("SPLIT", axis, x, options=schema.SplitOptionsT(numSplits=groups), like=x)]
    (split,) = place.written
    parts += [model.add_activation(x, f"/older/{group}", None) for group in range(1, groups)]
    split.outputs = parts
    results = []
    for part, kernel, offset in zip(parts, np.split(kernels, groups), np.split(offsets, groups), strict=True):
        model.set_shape(part, [*model.shape(x)[:3], kernels.shape[3]])
        constants = place.constant(kernel, like=weights), place.constant(offset, like=biases[0])
        results.append(place.value("CONV_2D", part, *constants, options=options))
        model.set_shape(results[-1], [*model.shape(place.result)[:3], len(kernel)])
    place.value("CONCATENATION", *results, options=schema.ConcatenationOptionsT(axis=3), last=True)
    return True


def _add(activation: int = _Activation.NONE) -> Any:
    return schema.AddOptionsT(fusedActivationFunction=activation)


def _mul() -> Any:
    return schema.MulOptionsT()


def _cast_from_bool() -> Any:
    return schema.CastOptionsT(inDataType=schema.TensorType.BOOL, outDataType=schema.TensorType.FLOAT32)


REWRITES: dict[str, Callable[[Place], bool]] = {
    "BROADCAST_TO": _broadcast_to,
    "CONV_2D": _grouped_convolution,
    "GELU": _gelu,
    "HARD_SWISH": _hard_swish,
    "SIGN": _sign,
}
"""Operator → what writes its place anew; False when it leaves this one alone."""
