"""16x8: each operator that has a row computes with int16 what it computes in float32."""

import numpy as np
import pytest
from single_operators import OPERATORS, node, normal

from ca_deploy.metrics import sqnr_db
from ca_deploy.quantization.ranges import measure_ranges
from ca_deploy.quantization.static import quantize_static
from ca_deploy.quantization.tflite_model import TFLiteModel
from ca_deploy.runtimes.litert import LiteRT

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


def test_the_biases_of_dead_channels_keep_their_sign(to_tflite):
    weights = normal(3, 3, 1, 1)
    weights[0], weights[1] = 1e-35, -1e-12
    data = to_tflite([node("Conv", "w", "b")], {"w": weights, "b": np.array([4, -4, 1], np.float32)})
    images = normal(2, 3, 8, 8)
    written = quantize_static(data, measure_ranges(data, [images], 1), activations="int16")
    assert sqnr_db(LiteRT(data).run(images)[0], LiteRT(written).run(images)[0]) > 35
