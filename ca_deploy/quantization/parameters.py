"""Affine quantization: real = scale · (integer - zero point) (Jacob et al., CVPR 2018, equation 1)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

_SMALLEST_SCALE = np.finfo(np.float32).tiny  # kernels refuse subnormal scales
_SCALE_OF_ZEROS = 2**-7
"""What is always zero can have any scale: one like those of other activations, because XNNPACK takes an ADD
only where the scales of its inputs are 2^-10 to 2^8 of its output's."""

IntName = Literal["int8", "int16", "int32", "int64", "uint8"]

_SMALLEST_RATIO = np.float32(2**-24)
_BIAS_LIMIT: dict[IntName, int] = {"int32": 2**30, "int64": 2**46}
"""Half of what the accumulator may hold; the products need the other half. Kernels rescale int64 sums below
2^47 only (TFLite's MultiplyByQuantizedMultiplier)."""
_LARGEST_INT64 = 2**63 - 1024  # that is a float64


@dataclass(frozen=True, eq=False)
class QuantParams:
    """Quantization parameters of one tensor.

    Attributes:
        scale: float32, one value (per-tensor) or one per channel along `axis`.
        zero_point: int64, as many values as `scale`.
        dtype: the stored integer type.
        axis: the channel axis of per-channel parameters (0 when per-tensor).
    """

    scale: NDArray[np.float32]
    zero_point: NDArray[np.int64]
    dtype: IntName = "int8"
    axis: int = 0

    def same_as(self, other: QuantParams) -> bool:
        """Whether both mean the same real numbers by the same integers."""
        return (
            self.dtype == other.dtype
            and np.array_equal(self.scale, other.scale)
            and np.array_equal(self.zero_point, other.zero_point)
        )

    def represents(self, low: float, high: float) -> bool:
        """Whether every real number of a range lies within a step of a stored integer (per-tensor)."""
        info, scale, zero = np.iinfo(self.dtype), float(self.scale[0]), int(self.zero_point[0])
        return scale * (info.min - zero - 1) <= low and high <= scale * (info.max - zero + 1)


def per_tensor(scale: float, zero_point: int, dtype: IntName = "int8") -> QuantParams:
    """Parameters with one scale and one zero point."""
    return QuantParams(np.array([scale], np.float32), np.array([zero_point], np.int64), dtype)


def asymmetric(low: float, high: float, dtype: IntName = "int8") -> QuantParams:
    """Per-tensor parameters whose integers span [low, high], widened to hold zero exactly.

    Zero must be exact because convolutions pad with it (Jacob et al. 2018, section 2.1).
    """
    info = np.iinfo(dtype)
    low, high = min(low, 0.0), max(high, 0.0)
    if low == high:
        return per_tensor(_SCALE_OF_ZEROS, 0, dtype)
    scale = max(np.float32((high - low) / (info.max - info.min)), _SMALLEST_SCALE)
    zero_point = int(np.clip(np.round(info.min - low / float(scale)), info.min, info.max))
    return per_tensor(float(scale), zero_point, dtype)


def spanning(low: float, high: float, dtype: IntName) -> QuantParams:
    """Per-tensor parameters of an activation in [low, high]: asymmetric int8, or symmetric int16.

    int16 kernels take zero points of 0 only; of 65,536 steps the half that a one-sided range leaves unused
    is no loss.
    """
    if dtype == "int8":
        return asymmetric(low, high)
    return symmetric(np.array([low, high], np.float32), None, dtype)


def symmetric(values: NDArray[np.float32], axis: int | None, dtype: IntName = "int8") -> QuantParams:
    """Parameters with zero point 0 for weights: per channel along `axis`, or per tensor for None.

    The narrow range [-127, 127] keeps the products of two int8 values within what int16 kernels add up.
    """
    limit = np.iinfo(dtype).max
    others = tuple(i for i in range(values.ndim) if i != axis)
    largest = np.atleast_1d(np.max(np.abs(values), axis=None if axis is None else others))
    scale = np.where(largest > 0, np.maximum(largest / limit, _SMALLEST_SCALE), 1.0).astype(np.float32)
    return QuantParams(scale, np.zeros(scale.shape, np.int64), dtype, axis or 0)


def layer_weights(
    values: NDArray[np.float32], axis: int | None, data: QuantParams, bias: NDArray[np.float32] | None
) -> QuantParams:
    """Parameters of a layer's int8 weights, with scales widened where its bias would overflow.

    Args:
        values: the weights.
        axis: that their scales run along; None for one scale.
        data: parameters of what they are multiplied with.
        bias: one value per output channel, or None.
    """
    params = symmetric(values, axis)
    if bias is None:
        return params
    # A dead channel's scale must leave the product of scales a normal float32.
    scale = np.maximum(params.scale, params.scale.max() * _SMALLEST_RATIO)
    needed = np.abs(bias) / (_BIAS_LIMIT[_accumulator(data)] * data.scale[0])
    if scale.size == 1:
        needed = np.max(needed, keepdims=True)
    return replace(params, scale=np.maximum(scale, needed))


def layer_bias(data: QuantParams, weights: QuantParams) -> QuantParams:
    """Parameters of a bias that is added to the accumulator of integer products."""
    scale = data.scale[0] * weights.scale
    return QuantParams(scale, np.zeros(scale.shape, np.int64), _accumulator(data))


def _accumulator(data: QuantParams) -> IntName:
    """The type that products of int8 weights with such integers are added up in."""
    return "int64" if data.dtype == "int16" else "int32"


def quantize(values: NDArray[Any], params: QuantParams) -> NDArray[Any]:
    """Round real values (half to even) to stored integers, clipped to what the type holds."""
    info = np.iinfo(params.dtype)
    shape = [1] * values.ndim
    if params.scale.size > 1:
        shape[params.axis] = params.scale.size
    scale = params.scale.astype(np.float64).reshape(shape) if values.ndim else float(params.scale[0])
    zero = params.zero_point.reshape(shape) if values.ndim else int(params.zero_point[0])
    integers = np.round(values.astype(np.float64) / scale) + zero
    return np.clip(integers, info.min, min(info.max, _LARGEST_INT64)).astype(params.dtype)
