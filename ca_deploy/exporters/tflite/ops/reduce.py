"""Reductions over any axes; their axes are mapped, never moved."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from ca_deploy.exporters.tflite.layout import Lowered, without
from ca_deploy.exporters.tflite.registry import Node, lowers


def reduced(
    value: Lowered, function: Callable[..., Any], axes: list[int] | None, *, keep: bool = True
) -> Lowered:
    """Reduce over ONNX axes, counted from the front; None means all."""
    axes = list(range(value.rank)) if axes is None else axes
    tensor = function(value.tensor, axis=sorted(map(value.axis, axes)), keepdims=keep)
    return Lowered(tensor, value.order if keep else without(value.order, axes))


def _reduction(node: Node, function: Callable[..., Any]) -> Lowered:
    value = node.input(0)
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
