"""Comparisons, logic, selection and conversions between element types."""

from __future__ import annotations

import onnx
import tensorflow as tf

from ca_deploy.exporters.tflite.layout import Lowered
from ca_deploy.exporters.tflite.ops.elementwise import accumulated, combined, mapped
from ca_deploy.exporters.tflite.registry import ELEMENT_TYPES, Node, Refused, lowers


@lowers("Equal")
def equal(node: Node) -> Lowered:
    """EQUAL."""
    return combined(tf.equal, node.input(0), node.input(1))


@lowers("Greater")
def greater(node: Node) -> Lowered:
    """GREATER."""
    return combined(tf.greater, node.input(0), node.input(1))


@lowers("GreaterOrEqual")
def greater_or_equal(node: Node) -> Lowered:
    """GREATER_EQUAL."""
    return combined(tf.greater_equal, node.input(0), node.input(1))


@lowers("Less")
def less(node: Node) -> Lowered:
    """LESS."""
    return combined(tf.less, node.input(0), node.input(1))


@lowers("LessOrEqual")
def less_or_equal(node: Node) -> Lowered:
    """LESS_EQUAL."""
    return combined(tf.less_equal, node.input(0), node.input(1))


@lowers("And")
def logical_and(node: Node) -> Lowered:
    """LOGICAL_AND."""
    return accumulated(node, tf.logical_and)


@lowers("Or")
def logical_or(node: Node) -> Lowered:
    """LOGICAL_OR."""
    return accumulated(node, tf.logical_or)


@lowers("Xor")
def logical_xor(node: Node) -> Lowered:
    """NOT_EQUAL of booleans."""
    return accumulated(node, tf.not_equal)


@lowers("Not")
def logical_not(node: Node) -> Lowered:
    """LOGICAL_NOT."""
    return mapped(node, tf.logical_not)


@lowers("Where")
def where(node: Node) -> Lowered:
    """SELECT_V2."""
    return combined(tf.where, node.input(0), node.input(1), node.input(2))


@lowers("Cast")
def cast(node: Node) -> Lowered:
    """CAST."""
    wanted = int(node.attributes["to"])
    if wanted not in ELEMENT_TYPES:
        raise Refused(f"to={onnx.TensorProto.DataType.Name(wanted).lower()}")
    return mapped(node, lambda x: tf.cast(x, ELEMENT_TYPES[wanted]))
