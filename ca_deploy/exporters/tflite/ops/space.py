"""Operators that exchange channels for height and width."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from ca_deploy.exporters.tflite.layout import Lowered, channels_last
from ca_deploy.exporters.tflite.registry import Node, lowers


@lowers("DepthToSpace")
def depth_to_space(node: Node) -> Lowered:
    """DEPTH_TO_SPACE; for `CRD` (PyTorch's PixelShuffle) with TRANSPOSE of the channels in front."""
    block = int(node.attributes["blocksize"])
    tensor = node.input(0).arranged(channels_last(4))
    if node.text("mode", "DCR", ("DCR", "CRD")) == "CRD":
        tensor = _channels_as_columns(tensor, rows=int(tensor.shape[3]) // block**2)
    return Lowered(tf.nn.depth_to_space(tensor, block), channels_last(4))


@lowers("SpaceToDepth")
def space_to_depth(node: Node) -> Lowered:
    """SPACE_TO_DEPTH; for `CRD` (PyTorch's PixelUnshuffle) with TRANSPOSE of the channels behind."""
    block = int(node.attributes["blocksize"])
    tensor = tf.nn.space_to_depth(node.input(0).arranged(channels_last(4)), block)
    if node.text("mode", "DCR", ("DCR", "CRD")) == "CRD":
        tensor = _channels_as_columns(tensor, rows=block**2)
    return Lowered(tensor, channels_last(4))


def _channels_as_columns(tensor: Any, rows: int) -> Any:
    """Read the channels of an NHWC tensor as a matrix with `rows` rows, and order them by its columns."""
    count, height, width, channels = tensor.shape
    matrix = tf.reshape(tensor, (count * height * width, rows, channels // rows))
    return tf.reshape(tf.transpose(matrix, (0, 2, 1)), tensor.shape)
