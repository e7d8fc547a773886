"""Convolutions, in NHWC, with the bias and the padding inside the operator where TFLite can hold them."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from ca_deploy.exporters.tflite.layout import Lowered, channels_last
from ca_deploy.exporters.tflite.registry import Node, Refused, lowers
from ca_deploy.exporters.tflite.window import Window, window_of


@lowers("Conv")
def conv(node: Node) -> Lowered:
    """CONV_2D or DEPTHWISE_CONV_2D; PAD in front where SAME and VALID do not fit."""
    value, weights = node.input(0), node.constant(1, "weights")
    window = window_of(node, value.shape[2:], weights.shape[2:])
    groups = int(node.attributes.get("group", 1))
    tensor, padding = value.arranged(channels_last(4)), window.padding
    if padding is None:
        tensor, padding = window.pad(tensor), "VALID"
    if groups > 1 and groups == value.shape[1]:
        tensor = _depthwise(tensor, weights, window, padding)
    else:
        filters = np.ascontiguousarray(weights.transpose(2, 3, 1, 0))  # OIHW to HWIO
        tensor = tf.nn.conv2d(tensor, filters, window.strides, padding, dilations=window.dilations)
    return Lowered(_biased(node, tensor), channels_last(4))


def _depthwise(tensor: Any, weights: NDArray[Any], window: Window, padding: str) -> Any:
    outputs, _, height, width = weights.shape
    filters = weights.reshape(-1, outputs // int(tensor.shape[3]), height, width).transpose(2, 3, 0, 1)
    strides = (1, *window.strides, 1)
    if window.strides[0] != window.strides[1]:
        raise Refused(f"a depthwise convolution with different strides in height and width {window.strides}")
    return tf.nn.depthwise_conv2d(
        tensor, np.ascontiguousarray(filters), strides, padding, dilations=window.dilations
    )


def _biased(node: Node, tensor: Any) -> Any:
    """Add the bias unless it is zero, which the converter would drop along with the result's name."""
    bias = None if node.optional(2) is None else node.constant(2, "bias")
    return tensor if bias is None or not bias.any() else tf.nn.bias_add(tensor, bias)
