"""Operators that put tensors together and take them apart."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from ca_deploy.exporters.tflite.layout import Lowered, common_order
from ca_deploy.exporters.tflite.registry import Node, Refused, lowers


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


@lowers("Slice")
def slice_(node: Node) -> Lowered:
    """SLICE, or STRIDED_SLICE for steps other than 1."""
    value = node.input(0)
    starts, ends = node.setting("starts", 1), node.setting("ends", 2)
    if starts is None or ends is None:
        raise Refused("starts and ends are missing")
    axes, steps = node.axes(3, value.rank), node.setting("steps", 4)
    ranges = [range(length) for length in value.shape]
    for index, axis in enumerate(range(len(starts)) if axes is None else axes):
        step = 1 if steps is None else int(steps[index])
        ranges[axis] = ranges[axis][int(starts[index]) : int(ends[index]) : step]
    return _sliced(value, [ranges[axis] for axis in value.order])


def _sliced(value: Lowered, ranges: list[range]) -> Lowered:
    """Take physical ranges."""
    if all(taken.step == 1 for taken in ranges):
        tensor = tf.slice(value.tensor, [taken.start for taken in ranges], [len(taken) for taken in ranges])
        return Lowered(tensor, value.order)
    # A range that runs down to the front ends at -1, which TensorFlow would read as the last element.
    open_ends = sum(1 << axis for axis, taken in enumerate(ranges) if taken.stop < 0)
    tensor = tf.strided_slice(
        value.tensor,
        [taken.start for taken in ranges],
        [taken.stop for taken in ranges],
        [taken.step for taken in ranges],
        end_mask=open_ends,
    )
    return Lowered(tensor, value.order)


@lowers("Pad")
def pad(node: Node) -> Lowered:
    """PAD with zeros, PADV2 with another constant, MIRROR_PAD for reflections."""
    value, pads = node.input(0), node.setting("pads", 1)
    if pads is None:
        raise Refused("pads are missing")
    mode = node.text("mode", "constant", ("constant", "reflect"))
    axes = node.axes(3, value.rank)
    widths = [(0, 0)] * value.rank
    for index, axis in enumerate(range(value.rank) if axes is None else axes):
        widths[value.axis(axis)] = (int(pads[index]), int(pads[index + len(pads) // 2]))
    if min(width for pair in widths for width in pair) < 0:
        raise Refused("negative pads (cropping); use a slice")
    if mode == "reflect":
        return Lowered(tf.pad(value.tensor, widths, mode="REFLECT"), value.order)
    fill = node.setting("value", 2)
    number = 0 if fill is None else fill.item()
    return Lowered(tf.pad(value.tensor, widths, constant_values=number), value.order)


@lowers("Expand")
def expand(node: Node) -> Lowered:
    """BROADCAST_TO; nothing where the shape stays as it is."""
    value = node.input(0)
    wanted = [int(length) for length in node.constant(1, "shape")]
    shape = np.broadcast_shapes(value.shape, tuple(wanted))
    value = value.widened(len(shape))
    if value.shape == shape:
        return value
    return Lowered(tf.broadcast_to(value.tensor, [shape[axis] for axis in value.order]), value.order)
