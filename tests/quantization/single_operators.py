"""ONNX nodes that become one TFLite operator each, with their constants, by the operator's name."""

import numpy as np
from onnx import helper

_RANDOM = np.random.default_rng(0)


def normal(*shape):
    return _RANDOM.standard_normal(shape).astype(np.float32)


def node(kind, *inputs, outputs=("logits",), **attributes):
    return helper.make_node(kind, ["input", *inputs], list(outputs), **attributes)


FLAT = helper.make_node("Flatten", ["input"], ["flat"])
PAIR = node("Split", outputs=("p", "q"), axis=2, num_outputs=2)
OPERATORS = {
    "ADD": ([node("Add", "c")], {"c": normal(1, 3, 8, 8)}),
    "SUB": ([node("Sub", "c")], {"c": normal(1, 3, 8, 8)}),
    "MUL": ([node("Mul", "c")], {"c": normal(1, 3, 1, 1)}),
    "MEAN": ([node("ReduceMean", "a", keepdims=1)], {"a": np.array([3])}),
    "LEAKY_RELU": ([node("LeakyRelu", alpha=0.1)], {}),
    "RELU": ([node("Relu")], {}),
    "RELU6": ([node("Clip", "z", "s")], {"z": np.float32(0), "s": np.float32(6)}),
    "ABS": ([node("Abs")], {}),
    "CONV_2D": ([node("Conv", "w", "b", pads=[1] * 4)], {"w": normal(5, 3, 3, 3), "b": normal(5)}),
    "DEPTHWISE_CONV_2D": ([node("Conv", "w", "b", group=3)], {"w": normal(3, 1, 3, 3), "b": normal(3)}),
    "FULLY_CONNECTED": (
        [FLAT, helper.make_node("Gemm", ["flat", "w", "b"], ["logits"], transB=1)],
        {"w": normal(5, 192), "b": normal(5)},
    ),
    "TRANSPOSE_CONV": (
        [node("ConvTranspose", "w", "b", strides=[2, 2])],
        {"w": normal(3, 4, 2, 2), "b": normal(4)},
    ),
    "LOGISTIC": ([node("Sigmoid")], {}),
    "TANH": ([node("Tanh")], {}),
    "SOFTMAX": ([FLAT, helper.make_node("Softmax", ["flat"], ["logits"])], {}),
    "AVERAGE_POOL_2D": ([node("AveragePool", kernel_shape=[2, 2], strides=[2, 2])], {}),
    "MAX_POOL_2D": ([node("MaxPool", kernel_shape=[2, 2], strides=[2, 2])], {}),
    "CONCATENATION": ([node("Concat", "input", axis=1)], {}),
    "TRANSPOSE": ([node("Reshape", "s")], {"s": np.array([1, 12, 16])}),
    "PAD": ([node("Pad", "p")], {"p": np.array([0, 0, 1, 1, 0, 0, 1, 1])}),
    "MIRROR_PAD": ([node("Pad", "p", mode="reflect")], {"p": np.array([0, 0, 1, 1, 0, 0, 1, 1])}),
    "SLICE": ([node("Slice", "b", "e", "a")], {"b": np.array([1]), "e": np.array([7]), "a": np.array([2])}),
    "STRIDED_SLICE": (
        [node("Slice", "b", "e", "a", "t")],
        {"b": np.array([1]), "e": np.array([7]), "a": np.array([2]), "t": np.array([2])},
    ),
    "SPLIT": ([PAIR, helper.make_node("Sub", ["p", "q"], ["logits"])], {}),
    "GATHER": ([node("Gather", "i", axis=2)], {"i": np.array([3, 1, 2])}),
    "RESIZE_BILINEAR": ([node("Resize", "", "x", mode="linear")], {"x": np.float32([1, 1, 2, 2])}),
    "REDUCE_MAX": ([node("ReduceMax", "a", keepdims=1)], {"a": np.array([1])}),
    "REDUCE_MIN": ([node("ReduceMin", "a", keepdims=1)], {"a": np.array([1])}),
    "MAXIMUM": ([node("Max", "c")], {"c": normal(1, 3, 8, 8)}),
    "MINIMUM": ([node("Min", "c")], {"c": normal(1, 3, 8, 8)}),
}
