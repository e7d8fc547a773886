"""Reductions over any axes; their axes are mapped, never moved."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from ca_deploy.exporters.tflite.layout import Lowered, without
from ca_deploy.exporters.tflite.registry import Node, Refused, lowers


def reduced(
    value: Lowered, function: Callable[..., Any], axes: list[int] | None, *, keep: bool = True
) -> Lowered:
    """Reduce over ONNX axes, counted from the front; None means all."""
    axes = list(range(value.rank)) if axes is None else axes
    tensor = function(value.tensor, axis=sorted(map(value.axis, axes)), keepdims=keep)
    return Lowered(tensor, value.order if keep else without(value.order, axes))


def _reduction(node: Node, function: Callable[..., Any]) -> Lowered:
    value = node.input(0)
    if value.dtype == np.bool_:
        raise Refused("boolean elements")
    axes = node.axes(1, value.rank)
    if not axes and node.attributes.get("noop_with_empty_axes", 0):
        return value
    return reduced(value, function, axes or None, keep=bool(node.attributes.get("keepdims", 1)))


@lowers("ReduceMean")
def mean(node: Node) -> Lowered:
    """MEAN."""
    return _reduction(node, tf.reduce_mean)


@lowers("ReduceMax")
def maximum(node: Node) -> Lowered:
    """REDUCE_MAX."""
    return _reduction(node, tf.reduce_max)


@lowers("ReduceMin")
def minimum(node: Node) -> Lowered:
    """REDUCE_MIN."""
    return _reduction(node, tf.reduce_min)


@lowers("ReduceSum")
def total(node: Node) -> Lowered:
    """SUM."""
    return _reduction(node, tf.reduce_sum)


@lowers("ReduceProd")
def product(node: Node) -> Lowered:
    """REDUCE_PROD."""
    return _reduction(node, tf.reduce_prod)


@lowers("ReduceSumSquare")
def sum_of_squares(node: Node) -> Lowered:
    """SQUARE and SUM."""
    return _reduction(node, lambda x, **over: tf.reduce_sum(tf.square(x), **over))


@lowers("ReduceL1")
def l1_norm(node: Node) -> Lowered:
    """ABS and SUM."""
    return _reduction(node, lambda x, **over: tf.reduce_sum(tf.abs(x), **over))


@lowers("ReduceL2")
def l2_norm(node: Node) -> Lowered:
    """SQUARE, SUM and SQRT."""
    return _reduction(node, lambda x, **over: tf.sqrt(tf.reduce_sum(tf.square(x), **over)))


@lowers("ReduceLogSum")
def log_of_sum(node: Node) -> Lowered:
    """SUM and LOG."""
    return _reduction(node, lambda x, **over: tf.math.log(tf.reduce_sum(x, **over)))


@lowers("ReduceLogSumExp")
def log_of_sum_of_exponentials(node: Node) -> Lowered:
    """REDUCE_MAX, SUB, EXP, SUM, LOG and ADD, which does not overflow."""
    return _reduction(node, _log_sum_exp)


def _log_sum_exp(x: Any, axis: list[int], keepdims: bool) -> Any:
    largest = tf.reduce_max(x, axis=axis, keepdims=True)
    total = tf.math.log(tf.reduce_sum(tf.exp(x - largest), axis=axis, keepdims=keepdims))
    return total + (largest if keepdims else tf.squeeze(largest, axis))


@lowers("ArgMax")
def index_of_maximum(node: Node) -> Lowered:
    """ARG_MAX."""
    return _index(node, tf.argmax)


@lowers("ArgMin")
def index_of_minimum(node: Node) -> Lowered:
    """ARG_MIN."""
    return _index(node, tf.argmin)


def _index(node: Node, function: Callable[..., Any]) -> Lowered:
    if node.attributes.get("select_last_index", 0):
        raise Refused("select_last_index=1")
    value = node.input(0)
    axis = int(node.attributes.get("axis", 0)) % value.rank
    position = value.axis(axis)
    indices = function(value.tensor, axis=position, output_type=tf.int64)
    if node.attributes.get("keepdims", 1):
        return Lowered(tf.expand_dims(indices, position), value.order)
    return Lowered(indices, without(value.order, [axis]))


@lowers("CumSum")
def cumulative_sum(node: Node) -> Lowered:
    """CUMSUM."""
    value = node.input(0)
    axis = value.axis(int(node.constant(1, "axis").item()))
    exclusive, reverse = (bool(node.attributes.get(name, 0)) for name in ("exclusive", "reverse"))
    return Lowered(tf.cumsum(value.tensor, axis, exclusive=exclusive, reverse=reverse), value.order)
