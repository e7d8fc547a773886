"""Operators that put tensors together and take them apart."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from ca_deploy.exporters.tflite.layout import Lowered, common_order
from ca_deploy.exporters.tflite.registry import Node, lowers


@lowers("Concat")
def concat(node: Node) -> Lowered:
    """CONCATENATION."""
    values = [value for value in node.inputs if value is not None]
    order = common_order(values, values[0].rank)
    axis = order.index(int(node.attributes["axis"]) % values[0].rank)
    return Lowered(tf.concat([value.arranged(order) for value in values], axis), order)


@lowers("Split")
def split(node: Node) -> Sequence[Lowered]:
    """SPLIT into equal parts, one SLICE for each part otherwise (XNNPACK refuses SPLIT_V)."""
    value = node.input(0)
    axis = value.axis(int(node.attributes.get("axis", 0)))
    lengths = _part_lengths(node, int(value.tensor.shape[axis]))
    if len(set(lengths)) == 1:
        parts = tf.split(value.tensor, len(lengths), axis)
    else:
        starts = np.cumsum([0, *lengths[:-1]])
        parts = [
            _part(value, axis, int(start), length) for start, length in zip(starts, lengths, strict=True)
        ]
    return [Lowered(part, value.order) for part in parts]


def _part_lengths(node: Node, length: int) -> list[int]:
    stated = node.setting("split", 1)
    if stated is not None:
        return [int(part) for part in stated]
    count = len(node.outputs)
    part = -(-length // count)
    return [part] * (count - 1) + [length - part * (count - 1)]


def _part(value: Lowered, axis: int, start: int, length: int) -> tf.Tensor:
    begin, size = [0] * value.rank, [int(side) for side in value.tensor.shape]
    begin[axis], size[axis] = start, length
    return tf.slice(value.tensor, begin, size)
