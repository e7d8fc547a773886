"""Activation functions, written so that the converter fuses them or finds TFLite's own operator for them."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from ca_deploy.exporters.tflite.layout import Lowered
from ca_deploy.exporters.tflite.ops.elementwise import mapped
from ca_deploy.exporters.tflite.registry import Node, lowers


@lowers("Relu")
def relu(node: Node) -> Lowered:
    """RELU, fused into the operator before it where that can hold it."""
    return mapped(node, tf.nn.relu)


@lowers("Clip")
def clip(node: Node) -> Lowered:
    """RELU or RELU6, fused into the operator before it; MAXIMUM and MINIMUM for other bounds."""
    value = node.input(0)
    low, high = node.setting("min", 1), node.setting("max", 2)
    tensor = value.tensor
    if low == 0 and (high is None or high in (6, np.inf)) and value.dtype == np.float32:
        return Lowered(tf.nn.relu6(tensor) if high == 6 else tf.nn.relu(tensor), value.order)
    if low is not None:
        tensor = tf.maximum(tensor, low.reshape(()).astype(value.dtype))
    if high is not None:
        tensor = tf.minimum(tensor, high.reshape(()).astype(value.dtype))
    return Lowered(tensor, value.order)


@lowers("Sigmoid")
def sigmoid(node: Node) -> Lowered:
    """LOGISTIC."""
    return mapped(node, tf.sigmoid)


@lowers("HardSwish")
def hard_swish(node: Node) -> Lowered:
    """HARD_SWISH, which the converter recognises in x * relu6(x + 3) / 6."""
    return mapped(node, lambda x: x * tf.nn.relu6(x + np.float32(3)) * np.float32(1 / 6))


@lowers("HardSigmoid")
def hard_sigmoid(node: Node) -> Lowered:
    """ADD with fused RELU6 and MUL: clip(a x + b, 0, 1) = relu6(6 a x + 6 b) / 6."""
    alpha, beta = (
        6 * node.attributes.get(name, default) for name, default in (("alpha", 0.2), ("beta", 0.5))
    )
    unit = abs(alpha - 1) < 1e-6  # ONNX holds 1/6 as float32
    return mapped(
        node,
        lambda x: tf.nn.relu6((x if unit else x * np.float32(alpha)) + np.float32(beta)) * np.float32(1 / 6),
    )
