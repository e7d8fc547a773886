"""How each TFLite operator is quantized with int16 activations and int8 weights: one row per operator.

The rows follow TFLite's 16x8 specification (the page post_training_integer_quant_16x8 beside the one for
int8): int16 activations are symmetric, biases are int64. Versions are the first that take int16
(op_version.cc, as for int8); those of convolutions and FULLY_CONNECTED took int8 weights with them.
"""

from __future__ import annotations

from ca_deploy.quantization.parameters import per_tensor
from ca_deploy.quantization.rules import Rule

_SAME_2, _SAME_3, _SAME_4 = (Rule(version, scale="same") for version in (2, 3, 4))
_ONE = Rule(version=3, scale="fixed", fixed=per_tensor(1 / 32768, 0, "int16"))

RULES_INT16: dict[str, Rule] = {
    "ADD": Rule(version=3),
    "SUB": Rule(version=5),
    "MUL": Rule(version=4),
    "MEAN": Rule(version=3),
    "LEAKY_RELU": Rule(version=2),
    "RELU": Rule(version=3),
    "RELU6": Rule(version=3),
    "ABS": Rule(version=3),
    "CONV_2D": Rule(version=4, weights=1, bias=2),
    "DEPTHWISE_CONV_2D": Rule(version=5, weights=1, axis=3, bias=2),
    "FULLY_CONNECTED": Rule(version=7, weights=1, axis=None, bias=2),
    "TRANSPOSE_CONV": Rule(version=3, data=2, weights=1, bias=3),
    "LOGISTIC": _ONE,
    "SOFTMAX": _ONE,
    "TANH": _ONE,
    "AVERAGE_POOL_2D": _SAME_3,
    "MAX_POOL_2D": _SAME_3,
    "CONCATENATION": _SAME_3,
    "RESHAPE": Rule(version=1, scale="same"),
    "SQUEEZE": Rule(version=1, scale="same"),
    "EXPAND_DIMS": Rule(version=1, scale="same"),
    "TRANSPOSE": Rule(version=5, scale="same"),
    "PAD": _SAME_3,
    "MIRROR_PAD": _SAME_3,
    "SLICE": _SAME_4,
    "STRIDED_SLICE": _SAME_2,
    "SPLIT": _SAME_4,
    "GATHER": _SAME_4,
    "RESIZE_BILINEAR": _SAME_4,
    "RESIZE_NEAREST_NEIGHBOR": _SAME_4,
    "REDUCE_MAX": _SAME_3,
    "REDUCE_MIN": _SAME_3,
    "MAXIMUM": _SAME_4,
    "MINIMUM": _SAME_4,
}
"""Operators without a row stay float: no int16 kernel, or (BATCH_MATMUL) a wrong one in LiteRT 2.3."""
