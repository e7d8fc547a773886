"""Operators that make tensors larger."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from ca_deploy.exporters.tflite.layout import Lowered
from ca_deploy.exporters.tflite.registry import Node, Refused, lowers

_REPEATED: dict[str, Callable[[NDArray[Any], tuple[int, int]], NDArray[Any]]] = {
    "edge": lambda positions, widths: np.pad(positions, widths, mode="edge"),
    "wrap": lambda positions, widths: np.pad(positions, widths, mode="wrap"),
}


@lowers("Pad")
def pad(node: Node) -> Lowered:
    """PAD with zeros, PADV2 with others, MIRROR_PAD for `reflect`, GATHER for `edge` and `wrap`."""
    value, widths = node.input(0), _widths(node)
    mode = node.text("mode", "constant", ("constant", "reflect", "edge", "wrap"))
    if mode in ("edge", "wrap"):
        return _by_index(value, widths, mode)
    physical = [widths[axis] for axis in value.order]
    if mode == "reflect":
        return Lowered(tf.pad(value.tensor, physical, mode="REFLECT"), value.order)
    fill = None if node.optional(2) is None else node.setting("value", 2)
    number = 0 if fill is None else fill.item()
    return Lowered(tf.pad(value.tensor, physical, constant_values=number), value.order)


def _widths(node: Node) -> list[tuple[int, int]]:
    """Give the padding before and after each ONNX axis."""
    rank, pads = node.input(0).rank, node.constant(1, "pads")
    axes = node.axes(3, rank)
    widths = [(0, 0)] * rank
    for index, axis in enumerate(range(rank) if axes is None else axes):
        widths[axis] = (int(pads[index]), int(pads[index + len(pads) // 2]))
    if min(min(pair) for pair in widths) < 0:
        raise Refused("negative pads; write the cropping as a slice")
    return widths


def _by_index(value: Lowered, widths: list[tuple[int, int]], mode: str) -> Lowered:
    """Repeat elements by their positions."""
    tensor = value.tensor
    for position, axis in enumerate(value.order):
        if widths[axis] != (0, 0):
            indices = _REPEATED[mode](np.arange(value.shape[axis]), widths[axis])
            tensor = tf.gather(tensor, indices.astype(np.int32), axis=position)
    return Lowered(tensor, value.order)


@lowers("Tile")
def tile(node: Node) -> Lowered:
    """TILE."""
    value, repeats = node.input(0), node.constant(1, "repeats")
    return Lowered(tf.tile(value.tensor, [int(repeats[axis]) for axis in value.order]), value.order)


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
