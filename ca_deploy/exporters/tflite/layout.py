"""Where the axes of an ONNX value lie in the TensorFlow tensor that holds it.

ONNX lays feature maps out as NCHW, TFLite as NHWC. Nothing is transposed because of that: every value
carries the order of its axes, each operator maps the axes that it names, and a transpose of the ONNX graph
only relabels them. A `tf.transpose` is emitted where two orders meet that cannot be reconciled, and only
if more than axes of length 1 would have to move (those move by a reshape, which costs nothing).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

Order = tuple[int, ...]
Shape = tuple[int, ...]


def logical(rank: int) -> Order:
    """Give the order in which ONNX names the axes."""
    return tuple(range(rank))


def channels_last(rank: int) -> Order:
    """Give the order that puts ONNX's axis 1 last: NHWC for rank 4."""
    return (0, *range(2, rank), 1) if rank > 2 else logical(rank)


def boundary(rank: int) -> Order:
    """Give the order of graph inputs and outputs: NHWC for feature maps (rank 4), as in ONNX otherwise."""
    return channels_last(rank) if rank == 4 else logical(rank)


@dataclass(frozen=True)
class Lowered:
    """A value of the ONNX graph as a TensorFlow tensor.

    Attributes:
        tensor: a `tf.Tensor` whose axis i is the ONNX axis `order[i]`, or a numpy array for a constant,
            which is kept in ONNX's order until an operator asks for another.
        order: a permutation of the axes.
    """

    tensor: Any
    order: Order

    @property
    def constant(self) -> NDArray[Any] | None:
        """The value if it is known when the graph is built."""
        return self.tensor if isinstance(self.tensor, np.ndarray) else None

    @property
    def rank(self) -> int:
        """The number of axes."""
        return len(self.order)

    @property
    def shape(self) -> Shape:
        """The lengths of the axes, in ONNX's order."""
        physical = tuple(int(length) for length in self.tensor.shape)
        return tuple(physical[self.order.index(axis)] for axis in range(self.rank))

    @property
    def dtype(self) -> np.dtype[Any]:
        """The numpy type of the elements."""
        dtype: np.dtype[Any] = np.dtype(getattr(self.tensor.dtype, "as_numpy_dtype", self.tensor.dtype))
        return dtype

    def axis(self, onnx_axis: int) -> int:
        """Find the physical position of an ONNX axis, which may count from the end."""
        return self.order.index(onnx_axis % self.rank)

    def arranged(self, order: Order) -> Any:
        """Return the tensor with its axes in `order`; constants are transposed now, not in the model."""
        if self.constant is not None:
            return tf.constant(np.ascontiguousarray(self.constant.transpose(order)))
        if order == self.order:
            return self.tensor
        if _moved(self, order):
            return tf.transpose(self.tensor, [self.order.index(axis) for axis in order])
        return tf.reshape(self.tensor, [self.shape[axis] for axis in order])

    def with_last(self, onnx_axis: int) -> Lowered:
        """Bring one ONNX axis to the end, transposing only if that moves data."""
        last = onnx_axis % self.rank
        order = (*(axis for axis in self.order if axis != last), last)
        return Lowered(self.arranged(order), order)

    def widened(self, rank: int) -> Lowered:
        """Add leading axes of length 1 up to `rank`, as broadcasting does."""
        if rank == self.rank:
            return self
        reshape = tf.reshape if self.constant is None else np.reshape
        shape = _padded(tuple(self.tensor.shape), rank)
        return Lowered(reshape(self.tensor, shape), _widened_order(self, rank))


def constant(array: NDArray[Any]) -> Lowered:
    """Wrap a value that is known when the graph is built."""
    return Lowered(np.asarray(array), logical(np.ndim(array)))


def common_order(values: Sequence[Lowered], rank: int) -> Order:
    """Choose the order in which `values`, broadcast to `rank`, cost the fewest transposed elements.

    On a tie the order of graph inputs and outputs wins.
    """
    moving = [
        (_widened_order(value, rank), _padded(value.shape, rank))
        for value in values
        if value.constant is None
    ]

    def elements_moved(order: Order) -> int:
        moved = (shape for own, shape in moving if _sequence(own, shape) != _sequence(order, shape))
        return sum(map(math.prod, moved))

    return min([boundary(rank), *(own for own, _ in moving)], key=elements_moved)


def reshaped(value: Lowered, shape: Shape) -> Lowered:
    """Reshape in ONNX's order of axes, without moving data where the physical order allows it.

    Both shapes are split into the smallest groups of neighbouring axes with equal products. An axis that
    is alone in its group may lie anywhere; the axes of a group that is merged or split must lie side by
    side and in order.
    """
    if value.constant is not None:
        return constant(value.constant.reshape(shape))
    groups = _groups(value.shape, shape)
    groups.sort(key=lambda group: min(map(value.order.index, group[0])))
    needed = _with_units([axis for group in groups for axis in group[0]], value.rank)
    tensor = value.arranged(needed) if _moved(value, needed) else value.tensor
    order = _with_units([axis for group in groups for axis in group[1]], len(shape))
    physical = [shape[axis] for axis in order]
    return Lowered(tensor if list(tensor.shape) == physical else tf.reshape(tensor, physical), order)


def permuted(value: Lowered, permutation: Sequence[int]) -> Lowered:
    """Transpose as ONNX does: new axis i is the old axis `permutation[i]`; no data moves."""
    if value.constant is not None:
        return constant(value.constant.transpose(permutation))
    return Lowered(value.tensor, tuple(list(permutation).index(axis) for axis in value.order))


def without(order: Order, removed: Iterable[int]) -> Order:
    """Drop ONNX axes from an order and renumber those that stay."""
    gone = set(removed)
    kept = [axis for axis in order if axis not in gone]
    return tuple(axis - sum(other < axis for other in gone) for axis in kept)


def _moved(value: Lowered, order: Order) -> bool:
    """Tell whether going to `order` moves data, that is, reorders axes longer than 1."""
    return _sequence(value.order, value.shape) != _sequence(order, value.shape)


def _sequence(order: Order, shape: Shape) -> list[int]:
    return [axis for axis in order if shape[axis] != 1]


def _padded(shape: Shape, rank: int) -> Shape:
    return (1,) * (rank - len(shape)) + shape


def _widened_order(value: Lowered, rank: int) -> Order:
    added = rank - value.rank
    return (*range(added), *(axis + added for axis in value.order))


def _with_units(sequence: list[int], rank: int) -> Order:
    """Complete `sequence`, the axes longer than 1, to a full order, the usual one if that is possible."""
    for order in (boundary(rank), logical(rank), channels_last(rank)):
        if [axis for axis in order if axis in sequence] == sequence:
            return order
    return (*(axis for axis in range(rank) if axis not in sequence), *sequence)


def _groups(before: Shape, after: Shape) -> list[tuple[list[int], list[int]]]:
    """Pair neighbouring axes longer than 1 of two shapes into the smallest groups with equal products."""
    old = [axis for axis, length in enumerate(before) if length != 1]
    new = [axis for axis, length in enumerate(after) if length != 1]
    groups = []
    while old:
        left, right = [old.pop(0)], [new.pop(0)]
        while (difference := _product(before, left) - _product(after, right)) != 0:
            if difference < 0:
                left.append(old.pop(0))
            else:
                right.append(new.pop(0))
        groups.append((left, right))
    return groups


def _product(shape: Shape, axes: list[int]) -> int:
    return math.prod(shape[axis] for axis in axes)
