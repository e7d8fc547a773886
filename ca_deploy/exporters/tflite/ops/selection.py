"""Operators that pick elements by position."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from ca_deploy.exporters.tflite.layout import Lowered, Order, logical, reshaped
from ca_deploy.exporters.tflite.registry import Node, Refused, lowers


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


@lowers("Gather")
def gather(node: Node) -> Lowered:
    """SLICE where the indices are a constant run, GATHER otherwise."""
    value, indices = node.input(0), node.input(1)
    axis = int(node.attributes.get("axis", 0)) % value.rank
    length = value.shape[axis]
    run = None if indices.constant is None else _run(indices.constant.ravel() % length)
    if run is not None and value.constant is None:
        shape = (*value.shape[:axis], *indices.shape, *value.shape[axis + 1 :])
        ranges = [run if other == axis else range(value.shape[other]) for other in value.order]
        return reshaped(_sliced(value, ranges), shape)
    positions = tf.math.floormod(indices.arranged(logical(indices.rank)), np.asarray(length, indices.dtype))
    where = value.axis(axis)
    taken = tf.gather(value.arranged(value.order), positions, axis=where)
    return Lowered(taken, _gathered_order(value.order, where, indices.rank))


def _run(positions: NDArray[np.int64]) -> range | None:
    """Give positions as a range if they follow one another."""
    run = range(int(positions[0]), int(positions[0]) + len(positions)) if len(positions) else range(0)
    return run if list(run) == positions.tolist() else None


def _gathered_order(order: Order, where: int, rank: int) -> Order:
    """Put the `rank` axes of the indices in place of the axis at physical position `where`."""
    axis = order[where]
    moved = [other + (rank - 1 if other > axis else 0) for other in order]
    return (*moved[:where], *range(axis, axis + rank), *moved[where + 1 :])


@lowers("GatherND")
def gather_nd(node: Node) -> Lowered:
    """GATHER_ND."""
    if node.attributes.get("batch_dims", 0):
        raise Refused("batch_dims")
    value, indices = (node.input(index).arranged(logical(node.input(index).rank)) for index in range(2))
    taken = tf.gather_nd(value, indices)
    return Lowered(taken, logical(taken.shape.rank))


@lowers("TopK")
def top_k(node: Node) -> Sequence[Lowered]:
    """TOPK_V2, between two NEGs for the smallest."""
    count = int(node.constant(1, "k").item())
    value = node.input(0).with_last(int(node.attributes.get("axis", -1)))
    sign = 1 if node.attributes.get("largest", 1) else -1
    found, indices = tf.math.top_k(value.tensor * sign if sign < 0 else value.tensor, count)
    found = -found if sign < 0 else found
    return [Lowered(found, value.order), Lowered(tf.cast(indices, tf.int64), value.order)]
