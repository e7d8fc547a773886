"""Operators that only rename, merge or split axes."""

from __future__ import annotations

import math

import numpy as np

from ca_deploy.exporters.tflite.layout import Lowered, constant, permuted, reshaped
from ca_deploy.exporters.tflite.registry import Node, Refused, lowers


@lowers("Identity")
def identity(node: Node) -> Lowered:
    """Nothing: the value itself."""
    return node.input(0)


@lowers("Dropout")
def dropout(node: Node) -> Lowered:
    """Nothing: it does nothing at inference."""
    if len(node.outputs) > 1:
        raise Refused("the mask as an output")
    if node.optional(2) is not None and node.constant(2, "training_mode"):
        raise Refused("training_mode=1; export the network in eval mode")
    return node.input(0)


@lowers("Transpose")
def transpose(node: Node) -> Lowered:
    """Nothing: the axes are renamed; TRANSPOSE only where a later operator needs them side by side."""
    value = node.input(0)
    return permuted(value, node.attributes.get("perm") or range(value.rank)[::-1])


@lowers("Reshape")
def reshape(node: Node) -> Lowered:
    """RESHAPE."""
    value, wanted = node.input(0), [int(length) for length in node.constant(1, "shape")]
    if not node.attributes.get("allowzero", 0):
        wanted = [value.shape[axis] if length == 0 else length for axis, length in enumerate(wanted)]
    known = math.prod(length for length in wanted if length != -1)
    shape = [math.prod(value.shape) // known if length == -1 else length for length in wanted]
    return reshaped(value, tuple(shape))


@lowers("Flatten")
def flatten(node: Node) -> Lowered:
    """RESHAPE."""
    value = node.input(0)
    axis = int(node.attributes.get("axis", 1))
    axis += value.rank if axis < 0 else 0
    return reshaped(value, (math.prod(value.shape[:axis]), math.prod(value.shape[axis:])))


@lowers("Squeeze")
def squeeze(node: Node) -> Lowered:
    """RESHAPE."""
    value = node.input(0)
    axes = node.axes(1, value.rank)
    gone = [axis for axis in range(value.rank) if value.shape[axis] == 1] if axes is None else axes
    return reshaped(value, tuple(length for axis, length in enumerate(value.shape) if axis not in gone))


@lowers("Unsqueeze")
def unsqueeze(node: Node) -> Lowered:
    """RESHAPE."""
    value = node.input(0)
    added = node.setting("axes", 1)
    if added is None:
        raise Refused("axes are missing")
    rank = value.rank + added.size
    axes = {int(axis) % rank for axis in added.ravel()}
    lengths = iter(value.shape)
    return reshaped(value, tuple(1 if axis in axes else next(lengths) for axis in range(rank)))


@lowers("Shape")
def shape(node: Node) -> Lowered:
    """Nothing: shapes are known when the model is built."""
    value = node.input(0)
    start, end = node.attributes.get("start", 0), node.attributes.get("end", value.rank)
    return constant(np.array(value.shape[start:end], np.int64))


@lowers("Size")
def size(node: Node) -> Lowered:
    """Nothing: sizes are known when the model is built."""
    return constant(np.array(math.prod(node.input(0).shape), np.int64))
