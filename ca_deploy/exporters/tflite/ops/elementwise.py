"""Arithmetic, element by element, with ONNX's broadcasting."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any

import tensorflow as tf

from ca_deploy.exporters.tflite.layout import Lowered, Order, common_order
from ca_deploy.exporters.tflite.registry import Node, lowers


def broadcast(values: Sequence[Lowered]) -> tuple[list[Any], Order]:
    """Bring values to one order of axes, so that TensorFlow's broadcasting equals ONNX's."""
    rank = max(value.rank for value in values)
    order = common_order(values, rank)
    keeps_rank = any(value.rank == rank and value.constant is None for value in values)
    return [_aligned(value.widened(rank), order, short=keeps_rank) for value in values], order


def _aligned(value: Lowered, order: Order, *, short: bool) -> Any:
    if value.constant is None or not short:
        return value.arranged(order)
    array = value.constant.transpose(order)
    # Leading axes of length 1 would keep the converter from folding the constant into the convolution
    # before it.
    leading = next((axis for axis, length in enumerate(array.shape) if length != 1), array.ndim)
    return tf.constant(array.reshape(array.shape[leading:]))


def combined(node: Node, function: Callable[[Any, Any], Any]) -> Lowered:
    """Combine all inputs from left to right."""
    tensors, order = broadcast([value for value in node.inputs if value is not None])
    return Lowered(reduce(function, tensors), order)


def mapped(node: Node, function: Callable[[Any], Any]) -> Lowered:
    """Apply a function to each element of the only input."""
    value = node.input(0)
    return Lowered(function(value.tensor), value.order)


@lowers("Add", "Sum")
def add(node: Node) -> Lowered:
    """ADD."""
    return combined(node, tf.add)


@lowers("Sub")
def subtract(node: Node) -> Lowered:
    """SUB."""
    return combined(node, tf.subtract)


@lowers("Mul")
def multiply(node: Node) -> Lowered:
    """MUL."""
    return combined(node, tf.multiply)


@lowers("Div")
def divide(node: Node) -> Lowered:
    """DIV."""
    return combined(node, tf.divide)
