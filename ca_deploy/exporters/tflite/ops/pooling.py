"""Pools. A window over a whole axis is a reduction, which XNNPACK takes in more precisions."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from ca_deploy.exporters.tflite.layout import Lowered, channels_last
from ca_deploy.exporters.tflite.ops.reduce import reduced
from ca_deploy.exporters.tflite.registry import Node, Refused, lowers
from ca_deploy.exporters.tflite.window import Span, Window, window_of

NONNEGATIVE = ("Relu", "Relu6", "Sigmoid", "Softmax", "Abs", "Exp", "Square", "Sqrt")
"""TensorFlow operations whose results are never below zero, so that zeros may pad a maximum over them."""


@lowers("GlobalAveragePool")
def global_average_pool(node: Node) -> Lowered:
    """MEAN."""
    value = node.input(0)
    return reduced(value, tf.reduce_mean, list(range(2, value.rank)))


@lowers("GlobalMaxPool")
def global_max_pool(node: Node) -> Lowered:
    """REDUCE_MAX."""
    value = node.input(0)
    return reduced(value, tf.reduce_max, list(range(2, value.rank)))


@lowers("AveragePool")
def average_pool(node: Node) -> Lowered:
    """MEAN over whole axes, else AVERAGE_POOL_2D, with PAD and MUL around it where SAME does not fit."""
    value, window = node.input(0), _window(node)
    axes = _whole_axes(window)
    if axes:
        return reduced(value, tf.reduce_mean, axes)
    tensor, counts_padding = (
        value.arranged(channels_last(4)),
        bool(node.attributes.get("count_include_pad", 0)),
    )
    if window.padding == "SAME" and not counts_padding:
        return Lowered(tf.nn.avg_pool2d(tensor, window.kernel, window.strides, "SAME"), channels_last(4))
    pooled = tf.nn.avg_pool2d(window.pad(tensor), window.kernel, window.strides, "VALID")
    correction = np.outer(*(span.kernel / _counted(span, counts_padding) for span in window.spans))
    if (correction != 1).any():
        pooled = pooled * correction.astype(np.float32)[:, :, None]
    return Lowered(pooled, channels_last(4))


@lowers("MaxPool")
def max_pool(node: Node) -> Lowered:
    """MAX_POOL_2D, with PAD in front after a ReLU; REDUCE_MAX over whole axes."""
    if len(node.outputs) > 1:
        raise Refused("indices of the maxima")
    value, window = node.input(0), _window(node)
    axes = _whole_axes(window)
    if axes:
        return reduced(value, tf.reduce_max, axes)
    return Lowered(_maxima(value.arranged(channels_last(4)), window), channels_last(4))


def _maxima(tensor: Any, window: Window) -> Any:
    """Take maxima without padding by minus infinity, which no range of an int8 tensor could hold."""
    if window.padding is not None:
        return tf.nn.max_pool2d(tensor, window.kernel, window.strides, window.padding)
    if tensor.op.type in NONNEGATIVE:
        return tf.nn.max_pool2d(window.pad(tensor), window.kernel, window.strides, "VALID")
    if all(span.before == (span.kernel - 1) // 2 for span in window.spans):
        every = tf.nn.max_pool2d(tensor, window.kernel, 1, "SAME")
        rows, columns = (slice(0, (span.outputs - 1) * span.stride + 1, span.stride) for span in window.spans)
        return every[:, rows, columns]
    lowest = float(np.finfo(np.float32).min)
    return tf.nn.max_pool2d(window.pad(tensor, lowest), window.kernel, window.strides, "VALID")


def _window(node: Node) -> Window:
    window = window_of(node, node.input(0).shape[2:], node.attributes["kernel_shape"])
    if window.dilations != (1, 1):
        raise Refused(f"dilations={list(window.dilations)}")
    return window


def _whole_axes(window: Window) -> list[int]:
    """Give the ONNX axes that the window covers if it leaves the others alone; none if it is a real pool."""
    axes = [2 + axis for axis, span in enumerate(window.spans) if span.whole and not span.pointwise]
    pointwise = [2 + axis for axis, span in enumerate(window.spans) if span.pointwise]
    return axes if len(axes + pointwise) == 2 else []


def _counted(span: Span, padding: bool) -> NDArray[np.intp]:
    """Count the taps of each output that ONNX takes into the mean: the input's, and the stated padding's."""
    first, end = (-span.before, span.size + span.behind) if padding else (0, span.size)
    taps = span.taps()
    counts: NDArray[np.intp] = np.count_nonzero((taps >= first) & (taps < end), axis=1)
    return counts
