"""Arithmetic, element by element, with ONNX's broadcasting."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any

import numpy as np
import tensorflow as tf

from ca_deploy.exporters.tflite.layout import Lowered, Order, common_order, constant
from ca_deploy.exporters.tflite.registry import Node, Refused, lowers


def combined(function: Callable[..., Any], *values: Lowered) -> Lowered:
    """Apply a function of tensors to `values`, broadcast against one another as in ONNX."""
    rank = max(value.rank for value in values)
    order = common_order(values, rank)
    keeps_rank = any(value.rank == rank and value.constant is None for value in values)
    return Lowered(function(*(_aligned(value.widened(rank), order, keeps_rank) for value in values)), order)


def _aligned(value: Lowered, order: Order, keeps_rank: bool) -> Any:
    if value.constant is None or not keeps_rank:
        return value.arranged(order)
    array = value.constant.transpose(order)
    # Leading axes of length 1 would keep the converter from folding the constant into a convolution.
    leading = next((axis for axis, length in enumerate(array.shape) if length != 1), array.ndim)
    return tf.constant(array.reshape(array.shape[leading:]))


def accumulated(node: Node, function: Callable[[Any, Any], Any]) -> Lowered:
    """Combine all inputs of a node from left to right."""
    values = [value for value in node.inputs if value is not None]
    return reduce(lambda left, right: combined(function, left, right), values)


def mapped(node: Node, function: Callable[[Any], Any]) -> Lowered:
    """Apply a function to each element of a node's only input."""
    value = node.input(0)
    return Lowered(function(value.tensor), value.order)


@lowers("Add", "Sum")
def add(node: Node) -> Lowered:
    """ADD."""
    return accumulated(node, tf.add)


@lowers("Sub")
def subtract(node: Node) -> Lowered:
    """SUB."""
    return accumulated(node, tf.subtract)


@lowers("Mul")
def multiply(node: Node) -> Lowered:
    """MUL."""
    return accumulated(node, tf.multiply)


@lowers("Div")
def divide(node: Node) -> Lowered:
    """DIV; MUL by the reciprocal where a float divisor is constant."""
    divisor = node.input(1)
    if divisor.constant is None or divisor.dtype != np.float32:
        return combined(lambda left, right: tf.raw_ops.Div(x=left, y=right), node.input(0), divisor)
    return combined(tf.multiply, node.input(0), constant(np.float32(1) / divisor.constant))


@lowers("Max")
def maximum(node: Node) -> Lowered:
    """MAXIMUM."""
    return accumulated(node, tf.maximum)


@lowers("Min")
def minimum(node: Node) -> Lowered:
    """MINIMUM."""
    return accumulated(node, tf.minimum)


@lowers("Mean")
def mean(node: Node) -> Lowered:
    """ADD and MUL."""
    total = accumulated(node, tf.add)
    return Lowered(total.tensor * np.float32(1 / len(node.inputs)), total.order)


@lowers("Mod")
def modulo(node: Node) -> Lowered:
    """FLOOR_MOD."""
    if node.attributes.get("fmod", 0):
        raise Refused("fmod=1")
    return combined(tf.math.floormod, node.input(0), node.input(1))


@lowers("Pow")
def power(node: Node) -> Lowered:
    """SQUARE or SQRT for the exponents 2 and 0.5, POW for others."""
    base, exponent = node.input(0), node.input(1)
    if base.dtype == np.int64:
        raise Refused("int64 elements")
    if exponent.constant is not None:
        if np.all(exponent.constant == 2) and exponent.constant.size == 1 and exponent.rank <= base.rank:
            return Lowered(tf.square(base.tensor), base.order)
        if np.all(exponent.constant == 0.5) and exponent.constant.size == 1 and exponent.rank <= base.rank:
            return Lowered(tf.sqrt(base.tensor), base.order)
        exponent = constant(exponent.constant.astype(base.dtype))
    return combined(lambda left, right: tf.pow(left, tf.cast(right, left.dtype)), base, exponent)


@lowers("Neg")
def negative(node: Node) -> Lowered:
    """NEG."""
    return mapped(node, tf.negative)


@lowers("Abs")
def absolute(node: Node) -> Lowered:
    """ABS."""
    return mapped(node, tf.abs)


@lowers("Sqrt")
def square_root(node: Node) -> Lowered:
    """SQRT."""
    return mapped(node, tf.sqrt)


@lowers("Reciprocal")
def reciprocal(node: Node) -> Lowered:
    """DIV."""
    return mapped(node, lambda x: np.float32(1) / x)


@lowers("Exp")
def exponential(node: Node) -> Lowered:
    """EXP."""
    return mapped(node, tf.exp)


@lowers("Log")
def logarithm(node: Node) -> Lowered:
    """LOG."""
    return mapped(node, tf.math.log)


@lowers("Sin")
def sine(node: Node) -> Lowered:
    """SIN."""
    return mapped(node, tf.sin)


@lowers("Cos")
def cosine(node: Node) -> Lowered:
    """COS."""
    return mapped(node, tf.cos)


@lowers("Floor")
def floor(node: Node) -> Lowered:
    """FLOOR."""
    return mapped(node, tf.floor)


@lowers("Ceil")
def ceil(node: Node) -> Lowered:
    """CEIL."""
    return mapped(node, tf.math.ceil)


@lowers("Round")
def rounded(node: Node) -> Lowered:
    """ROUND, halves to even."""
    return mapped(node, tf.round)


@lowers("Sign")
def sign(node: Node) -> Lowered:
    """SIGN."""
    return mapped(node, tf.sign)
