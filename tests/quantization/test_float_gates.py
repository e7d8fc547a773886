"""Multiplications in float within an int8 file: fewer roundings, the same interface, one partition."""

from collections import Counter

import pytest

from ca_deploy.metrics import sqnr_db
from ca_deploy.quantization.float_gates import with_float_products
from ca_deploy.quantization.float_joints import float_joints
from ca_deploy.quantization.ranges import measure_ranges
from ca_deploy.quantization.static import quantize_static
from ca_deploy.quantization.tflite_model import TFLiteModel
from ca_deploy.runtimes.litert import LiteRT


@pytest.fixture(scope="module")
def int8(gated, images):
    return quantize_static(gated, measure_ranges(gated, [images], threads=1))


def kinds(data):
    model = TFLiteModel(data)
    return Counter(model.kind(operator) for operator in model.operators)


def test_the_product_is_dequantized_and_quantized_once(int8):
    added = kinds(with_float_products(int8, ["y"])) - kinds(int8)
    assert added == {"DEQUANTIZE": 2, "QUANTIZE": 1}  # map and gate; the product


def test_what_goes_in_and_out_stays_as_it_was(int8):
    before, after = LiteRT(int8), LiteRT(with_float_products(int8, ["y"]))
    assert [(i.dtype, i.quantization) for i in (*before.inputs, *before.outputs)] == [
        (i.dtype, i.quantization) for i in (*after.inputs, *after.outputs)
    ]


def test_one_partition_computes_the_same_but_for_rounding(int8, images):
    floated = with_float_products(int8, ["y"])
    runtime = LiteRT(floated)
    assert [node.operator for node in runtime.nodes].count("DELEGATE") == 1
    assert sqnr_db(LiteRT(int8).run(images)[0], runtime.run(images)[0]) > 35


def test_the_file_allows_float16_arithmetic(int8):
    assert b"fp16accfp16" in with_float_products(int8, ["y"])


@pytest.mark.parametrize("names", [[], ["x"]])
def test_other_operators_are_left_alone(int8, names):
    assert with_float_products(int8, names) == int8


def test_what_is_float_already_is_left_alone(gated, images):
    multiplications = float_joints(TFLiteModel(gated))
    written = quantize_static(gated, measure_ranges(gated, [images], threads=1), multiplications)
    assert with_float_products(written, ["y"]) == written
