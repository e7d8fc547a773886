"""Activation functions, written so that the converter fuses them or finds TFLite's own operator for them."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from ca_deploy.exporters.tflite.layout import Lowered
from ca_deploy.exporters.tflite.ops.elementwise import combined, mapped
from ca_deploy.exporters.tflite.registry import Node, lowers

SELU_ALPHA, SELU_GAMMA = 1.6732632423543772, 1.0507009873554805
"""Klambauer et al., Self-Normalizing Neural Networks, 2017: the values that ONNX takes as defaults."""


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


@lowers("LeakyRelu")
def leaky_relu(node: Node) -> Lowered:
    """LEAKY_RELU."""
    alpha = node.attributes.get("alpha", 0.01)
    return mapped(node, lambda x: tf.nn.leaky_relu(x, alpha))


@lowers("PRelu")
def prelu(node: Node) -> Lowered:
    """PRELU, or LEAKY_RELU for a single slope."""
    value, slope = node.input(0), node.input(1)
    slopes = slope.constant
    if slopes is None:
        return combined(lambda x, a: tf.nn.relu(x) - a * tf.nn.relu(-x), value, slope)
    if slopes.size == 1:
        return mapped(node, lambda x: tf.nn.leaky_relu(x, slopes.item()))
    array = slopes.reshape((1,) * (value.rank - slope.rank) + slopes.shape).transpose(value.order)
    # The converter recognises exactly this sum, with a slope of one axis less than x.
    negative = -array[0] if len(array) == 1 else -array
    return mapped(node, lambda x: tf.nn.relu(x) + negative * tf.nn.relu(-x))


@lowers("ThresholdedRelu")
def thresholded_relu(node: Node) -> Lowered:
    """GREATER, CAST and MUL."""
    alpha = np.float32(node.attributes.get("alpha", 1.0))
    return mapped(node, lambda x: x * tf.cast(x > alpha, tf.float32))


@lowers("Elu")
def elu(node: Node) -> Lowered:
    """ELU; for another `alpha` than 1 as RELU and EXP."""
    return mapped(node, lambda x: _elu(x, node.attributes.get("alpha", 1.0)))


@lowers("Celu")
def celu(node: Node) -> Lowered:
    """MUL, ELU and MUL: a elu(x / a)."""
    alpha = np.float32(node.attributes.get("alpha", 1.0))
    return mapped(node, lambda x: tf.nn.elu(x / alpha) * alpha)


@lowers("Selu")
def selu(node: Node) -> Lowered:
    """ELU's parts and MUL."""
    alpha, gamma = node.attributes.get("alpha", SELU_ALPHA), node.attributes.get("gamma", SELU_GAMMA)
    return mapped(node, lambda x: _elu(x, alpha) * np.float32(gamma))


def _elu(x: Any, alpha: float) -> Any:
    if alpha == 1:
        return tf.nn.elu(x)
    return tf.nn.relu(x) + np.float32(alpha) * tf.nn.elu(-tf.nn.relu(-x))


@lowers("Sigmoid")
def sigmoid(node: Node) -> Lowered:
    """LOGISTIC."""
    return mapped(node, tf.sigmoid)


@lowers("HardSigmoid")
def hard_sigmoid(node: Node) -> Lowered:
    """ADD with fused RELU6 and MUL: clip(a x + b, 0, 1) = relu6(6 a x + 6 b) / 6."""
    alpha, beta = (
        6 * node.attributes.get(name, default) for name, default in (("alpha", 0.2), ("beta", 0.5))
    )
    unit = abs(alpha - 1) < 1e-6  # ONNX holds 1/6 as float32
    sixth = np.float32(1 / 6)
    return mapped(
        node, lambda x: tf.nn.relu6((x if unit else x * np.float32(alpha)) + np.float32(beta)) * sixth
    )


@lowers("HardSwish")
def hard_swish(node: Node) -> Lowered:
    """HARD_SWISH, which the converter recognises in x * relu6(x + 3) / 6."""
    return mapped(node, lambda x: x * tf.nn.relu6(x + np.float32(3)) * np.float32(1 / 6))


@lowers("Swish")
def swish(node: Node) -> Lowered:
    """LOGISTIC and MUL."""
    alpha = node.attributes.get("alpha", 1.0)
    return mapped(node, lambda x: x * tf.sigmoid(x if alpha == 1 else x * np.float32(alpha)))


@lowers("Tanh")
def tanh(node: Node) -> Lowered:
    """TANH."""
    return mapped(node, tf.tanh)


@lowers("Softplus")
def softplus(node: Node) -> Lowered:
    """RELU, ABS, EXP, LOG and ADD: log(1 + exp(x)) in the form that does not overflow."""
    return mapped(node, _softplus)


@lowers("Mish")
def mish(node: Node) -> Lowered:
    """Softplus, TANH and MUL."""
    return mapped(node, lambda x: x * tf.tanh(_softplus(x)))


def _softplus(x: Any) -> Any:
    return tf.nn.relu(x) + tf.math.log(np.float32(1) + tf.exp(-tf.abs(x)))


@lowers("Softsign")
def softsign(node: Node) -> Lowered:
    """ABS, ADD and DIV."""
    return mapped(node, lambda x: x / (np.float32(1) + tf.abs(x)))


@lowers("Gelu")
def gelu(node: Node) -> Lowered:
    """GELU."""
    tanh_form = node.text("approximate", "none", ("none", "tanh")) == "tanh"
    return mapped(node, lambda x: tf.nn.gelu(x, approximate=tanh_form))


@lowers("Softmax")
def softmax(node: Node) -> Lowered:
    """SOFTMAX; TRANSPOSE in front where its axis does not lie last."""
    return _over_last(node, tf.nn.softmax)


@lowers("LogSoftmax")
def log_softmax(node: Node) -> Lowered:
    """LOG_SOFTMAX; TRANSPOSE in front where its axis does not lie last."""
    return _over_last(node, tf.nn.log_softmax)


def _over_last(node: Node, function: Any) -> Lowered:
    value = node.input(0).with_last(int(node.attributes.get("axis", -1)))
    return Lowered(function(value.tensor), value.order)
