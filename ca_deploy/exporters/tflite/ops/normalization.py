"""Normalizations."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from ca_deploy.exporters.tflite.layout import Lowered, channels_last, constant, reshaped
from ca_deploy.exporters.tflite.ops.elementwise import combined
from ca_deploy.exporters.tflite.ops.reduce import reduced
from ca_deploy.exporters.tflite.registry import Node, Refused, lowers


@lowers("BatchNormalization")
def batch_normalization(node: Node) -> Lowered:
    """MUL and ADD, which the converter folds into a convolution before them."""
    if node.attributes.get("training_mode", 0):
        raise Refused("training_mode=1; export the network in eval mode")
    names = ("scale", "bias", "mean", "variance")
    scale, bias, mean, variance = (node.constant(1 + index, name) for index, name in enumerate(names))
    factor = scale / np.sqrt(variance + np.float32(node.attributes.get("epsilon", 1e-5)))
    value = node.input(0)
    shape = (-1,) + (1,) * (value.rank - 2)
    scaled = combined(tf.multiply, value, constant(factor.reshape(shape)))
    return combined(tf.add, scaled, constant((bias - mean * factor).reshape(shape)))


@lowers("InstanceNormalization")
def instance_normalization(node: Node) -> Lowered:
    """MEAN, SQUARED_DIFFERENCE, RSQRT, MUL and ADD."""
    value = node.input(0)
    normal, *_ = _normalized(value, list(range(2, value.rank)), node.attributes.get("epsilon", 1e-5))
    return _affine(normal, *(_per_channel(node.input(index), value.rank) for index in (1, 2)))


@lowers("GroupNormalization")
def group_normalization(node: Node) -> Lowered:
    """As InstanceNormalization, between two RESHAPEs."""
    value = node.input(0)
    batch, channels, *size = value.shape
    groups = int(node.attributes["num_groups"])
    grouped = reshaped(value, (batch, groups, channels // groups, *size))
    normal, *_ = _normalized(grouped, list(range(2, grouped.rank)), node.attributes.get("epsilon", 1e-5))
    scale, bias = node.input(1), node.input(2)
    if scale.shape != (channels,):  # one for each group, before operator set 21
        parts = (_per_channel(part, grouped.rank) for part in (scale, bias))
        return reshaped(_affine(normal, *parts), value.shape)
    return _affine(reshaped(normal, value.shape), *(_per_channel(part, value.rank) for part in (scale, bias)))


@lowers("LayerNormalization")
def layer_normalization(node: Node) -> Sequence[Lowered]:
    """MEAN, SQUARED_DIFFERENCE, RSQRT, MUL and ADD."""
    value = node.input(0)
    first = int(node.attributes.get("axis", -1)) % value.rank
    normal, *statistics = _normalized(
        value, list(range(first, value.rank)), node.attributes.get("epsilon", 1e-5)
    )
    return [_affine(normal, node.input(1), node.optional(2)), *statistics]


@lowers("RMSNormalization")
def rms_normalization(node: Node) -> Lowered:
    """SQUARE, MEAN, RSQRT and MUL."""
    value = node.input(0)
    axes = list(range(int(node.attributes.get("axis", -1)) % value.rank, value.rank))
    squares = reduced(Lowered(tf.square(value.tensor), value.order), tf.reduce_mean, axes)
    scale = tf.math.rsqrt(squares.tensor + np.float32(node.attributes.get("epsilon", 1e-5)))
    return _affine(Lowered(value.tensor * scale, value.order), node.input(1), None)


@lowers("LpNormalization")
def lp_normalization(node: Node) -> Lowered:
    """SQUARE (or ABS), SUM, MAXIMUM, SQRT and DIV, or L2_NORMALIZATION."""
    value = node.input(0)
    square = int(node.attributes.get("p", 2)) == 2
    parts = Lowered((tf.square if square else tf.abs)(value.tensor), value.order)
    total = reduced(parts, tf.reduce_sum, [int(node.attributes.get("axis", -1)) % value.rank])
    positive = tf.maximum(total.tensor, np.finfo(np.float32).tiny)  # ONNX leaves zeros as they are
    return Lowered(value.tensor / (tf.sqrt(positive) if square else positive), value.order)


@lowers("LRN")
def local_response_normalization(node: Node) -> Lowered:
    """LOCAL_RESPONSE_NORMALIZATION."""
    size = int(node.attributes["size"])
    if size % 2 == 0:
        raise Refused(f"size={size}; only odd sizes are symmetric")
    alpha, beta, bias = (
        node.attributes.get(*pair) for pair in (("alpha", 1e-4), ("beta", 0.75), ("bias", 1.0))
    )
    tensor = node.input(0).arranged(channels_last(4))
    result = tf.nn.local_response_normalization(tensor, (size - 1) // 2, bias, alpha / size, beta)
    return Lowered(result, channels_last(4))


def _normalized(value: Lowered, axes: list[int], epsilon: float) -> tuple[Lowered, Lowered, Lowered]:
    """Bring mean and variance over ONNX axes to 0 and 1; also return the mean and 1 / deviation."""
    mean = reduced(value, tf.reduce_mean, axes)
    squares = Lowered(tf.math.squared_difference(value.tensor, mean.tensor), value.order)
    variance = reduced(squares, tf.reduce_mean, axes)
    factor = tf.math.rsqrt(variance.tensor + np.float32(epsilon))
    normal = Lowered((value.tensor - mean.tensor) * factor, value.order)
    return normal, mean, Lowered(factor, value.order)


def _affine(value: Lowered, scale: Lowered, bias: Lowered | None) -> Lowered:
    scaled = combined(tf.multiply, value, scale)
    return scaled if bias is None else combined(tf.add, scaled, bias)


def _per_channel(value: Lowered, rank: int) -> Lowered:
    """Give a vector of channels the axes that broadcasting over (N, C, ...) needs."""
    return reshaped(value, (*value.shape, *(1,) * (rank - 2)))
