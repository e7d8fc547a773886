"""How each TFLite operator is quantized to int8: one row per operator.

The rows follow TFLite's int8 specification (ai.google.dev/edge/litert/models/quantization_spec). Versions
are the first of each operator that take int8 (TensorFlow, lite/tools/versioning/op_version.cc).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ca_deploy.quantization.parameters import QuantParams, per_tensor

Scale = Literal["own", "same", "fixed"]


@dataclass(frozen=True)
class Rule:
    """What an operator asks of its tensors in int8.

    Attributes:
        version: the operator version that first takes int8.
        scale: where the output's parameters come from: its "own" range, the "same" as all of its
            activation inputs, or "fixed" by the specification.
        fixed: the parameters of "fixed".
        data: input index of what the weights multiply.
        weights: input index of the weights; -1 when it has none.
        axis: channel axis of the weights; None where they have one scale: a FULLY_CONNECTED with several
            needs version 12, which tflite-runtime 2.14 refuses, and gains nothing (0.02 dB less, measured).
        bias: input index of the bias; -1 when it has none.
    """

    version: int = 2
    scale: Scale = "own"
    fixed: QuantParams | None = None
    data: int = 0
    weights: int = -1
    axis: int | None = 0
    bias: int = -1


_SAME = Rule(scale="same")
_ZERO_TO_ONE = Rule(scale="fixed", fixed=per_tensor(1 / 256, -128))
_MINUS_ONE_TO_ONE = Rule(scale="fixed", fixed=per_tensor(1 / 128, 0))

RULES: dict[str, Rule] = {
    "ADD": Rule(),
    "SUB": Rule(version=3),
    "MUL": Rule(),
    "MEAN": Rule(),
    "SUM": Rule(),
    "LEAKY_RELU": Rule(),
    "PRELU": Rule(version=1),
    "RELU": Rule(),
    "RELU6": Rule(),
    "ABS": Rule(),
    "SQUARED_DIFFERENCE": Rule(),
    "BATCH_MATMUL": Rule(),
    "CONV_2D": Rule(version=3, weights=1, bias=2),
    "DEPTHWISE_CONV_2D": Rule(version=3, weights=1, axis=3, bias=2),
    "FULLY_CONNECTED": Rule(version=4, weights=1, axis=None, bias=2),
    "TRANSPOSE_CONV": Rule(data=2, weights=1, bias=3),
    "LOGISTIC": _ZERO_TO_ONE,
    "SOFTMAX": _ZERO_TO_ONE,
    "TANH": _MINUS_ONE_TO_ONE,
    "L2_NORMALIZATION": _MINUS_ONE_TO_ONE,
    "LOG_SOFTMAX": Rule(scale="fixed", fixed=per_tensor(16 / 256, 127)),
    "AVERAGE_POOL_2D": _SAME,
    "MAX_POOL_2D": _SAME,
    "CONCATENATION": _SAME,
    "RESHAPE": Rule(version=1, scale="same"),
    "SQUEEZE": Rule(version=1, scale="same"),
    "EXPAND_DIMS": Rule(version=1, scale="same"),
    "TRANSPOSE": _SAME,
    "PAD": _SAME,
    "PADV2": _SAME,
    "MIRROR_PAD": _SAME,
    "SLICE": _SAME,
    "STRIDED_SLICE": _SAME,
    "SPLIT": _SAME,
    "SPLIT_V": _SAME,
    "GATHER": _SAME,
    "PACK": _SAME,
    "UNPACK": _SAME,
    "SPACE_TO_DEPTH": _SAME,
    "DEPTH_TO_SPACE": _SAME,
    "RESIZE_BILINEAR": _SAME,
    "RESIZE_NEAREST_NEIGHBOR": _SAME,
    "REDUCE_MAX": _SAME,
    "REDUCE_MIN": _SAME,
    "MAXIMUM": _SAME,
    "MINIMUM": _SAME,
}
"""Operators that stay float are the ones without a row; a unary one between int8 neighbours (HARD_SWISH, EXP,
LOG, ...) then runs as DEQUANTIZE, operator, QUANTIZE, which XNNPACK fuses into one int8 lookup."""
