"""Convolutions in NHWC, with bias and padding inside the operator where TFLite can hold them."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from ca_deploy.exporters.tflite.layout import Lowered, channels_last
from ca_deploy.exporters.tflite.registry import Node, lowers
from ca_deploy.exporters.tflite.window import Window, window_of


@lowers("Conv")
def conv(node: Node) -> Lowered:
    """CONV_2D (grouped ones too) or DEPTHWISE_CONV_2D; PAD in front where SAME and VALID do not fit."""
    value, weights = node.input(0), node.constant(1, "weights")
    window = window_of(node, value.shape[2:], weights.shape[2:])
    tensor, padding = value.arranged(channels_last(4)), window.padding
    if padding is None:
        tensor, padding = window.pad(tensor), "VALID"
    groups = int(node.attributes.get("group", 1))
    convolve = _depthwise if groups == value.shape[1] > 1 else _dense
    return Lowered(biased(node, convolve(tensor, weights, window, padding)), channels_last(4))


def _dense(tensor: Any, weights: NDArray[Any], window: Window, padding: str) -> Any:
    filters = np.ascontiguousarray(weights.transpose(2, 3, 1, 0))  # OIHW to HWIO
    return tf.nn.conv2d(tensor, filters, window.strides, padding, dilations=window.dilations)


def _depthwise(tensor: Any, weights: NDArray[Any], window: Window, padding: str) -> Any:
    channels = int(tensor.shape[3])
    filters = weights.reshape(channels, -1, *window.kernel).transpose(2, 3, 0, 1)  # CMHW to HWCM
    # tf.nn.depthwise_conv2d would wrap a dilated convolution in SPACE_TO_BATCH and BATCH_TO_SPACE.
    return tf.raw_ops.DepthwiseConv2dNative(
        input=tensor,
        filter=np.ascontiguousarray(filters),
        strides=[1, *window.strides, 1],
        padding=padding,
        dilations=[1, *window.dilations, 1],
    )


def biased(node: Node, tensor: Any) -> Any:
    """Add the bias unless it is zero, which the converter would drop along with the result's name."""
    bias = None if node.optional(2) is None else node.constant(2, "bias")
    return tensor if bias is None or not bias.any() else tf.nn.bias_add(tensor, bias)
