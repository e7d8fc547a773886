"""16x8: each operator that has a row computes with int16 what it computes in float32."""

import numpy as np
import pytest
from onnx import helper

from ca_deploy.metrics import sqnr_db
from ca_deploy.quantization.ranges import measure_ranges
from ca_deploy.quantization.static import quantize_static
from ca_deploy.quantization.tflite_model import TFLiteModel
from ca_deploy.runtimes.litert import LiteRT

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
WEIGHTED = {"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV"}


@pytest.mark.parametrize("kind", OPERATORS)
def test_an_operator_with_int16_activations_computes_what_float32_computes(kind, to_tflite):
    data = to_tflite(*OPERATORS[kind])
    images = 2 * np.random.default_rng(1).standard_normal((6, 3, 8, 8)).astype(np.float32)
    written = quantize_static(data, measure_ranges(data, [images], 1), activations="int16")
    model = TFLiteModel(written)
    kinds = [model.kind(operator) for operator in model.operators]
    assert kind in kinds
    assert "DEQUANTIZE" not in kinds
    quality = sqnr_db(LiteRT(data).run(images)[0], LiteRT(written).run(images)[0])
    assert quality > (35 if kind in WEIGHTED else 60)


def test_an_operator_without_an_int16_kernel_stays_float(to_tflite):
    data = to_tflite([node("PRelu", "c")], {"c": normal(3, 1, 1)})
    images = normal(2, 3, 8, 8)
    written = quantize_static(data, measure_ranges(data, [images], 1), activations="int16")
    model = TFLiteModel(written)
    assert [model.kind(operator) for operator in model.operators] == ["DEQUANTIZE", "PRELU", "QUANTIZE"]
    assert [info.dtype for info in LiteRT(written).inputs] == [np.dtype(np.int16)]
    assert sqnr_db(LiteRT(data).run(images)[0], LiteRT(written).run(images)[0]) > 60


def test_activations_are_symmetric_and_biases_int64(gated, images):
    written = TFLiteModel(quantize_static(gated, measure_ranges(gated, [images], 1), activations="int16"))
    tensors = [tensor for tensor in written.tensors if tensor.quantization is not None]
    assert all(not np.any(tensor.quantization.zeroPoint) for tensor in tensors)
    for operator in written.operators:
        if written.kind(operator) in WEIGHTED:
            types = [written.dtype(int(index)) for index in operator.inputs]
            assert types == [np.dtype(np.int16), np.dtype(np.int8), np.dtype(np.int64)]
