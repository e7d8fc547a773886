"""Which TFLite operators the blocks become, and that they compute the same."""

from __future__ import annotations

from collections import Counter
from typing import Any

import onnx
import pytest
import tflite_blocks as blocks
from tflite_models import assert_equal, model, operators, random_inputs, run_onnx, run_tflite

from ca_deploy.exporters.tflite.convert import convert

COORDINATE_ATTENTION = {
    "MEAN": 2, "RESHAPE": 2, "CONCATENATION": 1, "CONV_2D": 3, "HARD_SWISH": 1, "SPLIT": 1, "LOGISTIC": 2,
    "MUL": 2,
}  # fmt: skip


@pytest.mark.parametrize(
    ("block", "wanted"),
    [
        (blocks.plain(6), {"CONV_2D": 3, "PAD": 1, "DEPTHWISE_CONV_2D": 2, "ADD": 1}),
        (blocks.plain(7), {"CONV_2D": 3, "DEPTHWISE_CONV_2D": 2, "ADD": 1}),
        (blocks.se(), {"MEAN": 1, "CONV_2D": 2, "LOGISTIC": 1, "MUL": 1}),
        (
            blocks.cbam(),
            {"MEAN": 2, "REDUCE_MAX": 2, "FULLY_CONNECTED": 4, "ADD": 1, "CONCATENATION": 1}
            | {"CONV_2D": 1, "LOGISTIC": 2, "MUL": 2},
        ),
        (blocks.coordinate_attention(), COORDINATE_ATTENTION),
        (blocks.coordinate_attention(6, 4), COORDINATE_ATTENTION | {"SPLIT": 0, "SLICE": 2}),
        (blocks.coordinate_attention_as_exported(), COORDINATE_ATTENTION),
    ],
    ids=["plain, padded", "plain, SAME", "se", "cbam", "ca", "ca, not square", "ca as exported"],
)
def test_block_becomes_the_expected_operators(block: onnx.ModelProto, wanted: dict[str, int]) -> None:
    converted = convert(block)
    inputs = random_inputs(block)
    assert Counter(operators(converted.data)) == Counter(wanted)
    assert_equal(run_tflite(converted.data, inputs), run_onnx(block, inputs))


FORMS: dict[str, tuple[str, dict[str, Any], list[str]]] = {
    "BN folds": (
        "c = Conv <kernel_shape=[1,1]> (input, w, b) output = BatchNormalization (c, s, b, b, s)",
        {"w": (8, 8, 1, 1), "b": (8,), "s": [1.5] * 8},
        ["CONV_2D"],
    ),
    "factor and ReLU6 fold": (
        "c = Conv <kernel_shape=[1,1]> (input, w) d = Div (c, six) output = Clip (d, zero, six)",
        {"w": (8, 8, 1, 1), "zero": 0.0, "six": 6.0},
        ["CONV_2D"],
    ),
    "grouped": (
        "output = Conv <kernel_shape=[3,3], group=2, pads=[1,1,1,1]> (input, w)",
        {"w": (8, 4, 3, 3)},
        ["CONV_2D"],
    ),
    "sum with ReLU6": (
        "s = Add (input, three) output = Clip (s, zero, six)",
        {"three": 3.0, "zero": 0.0, "six": 6.0},
        ["ADD"],
    ),
    "h_swish times 6": (
        "s = Add (input, three) r = Clip (s, zero, six) output = Mul (input, r)",
        {"three": 3.0, "zero": 0.0, "six": 6.0},
        ["ADD", "MUL"],
    ),
    "h_sigmoid": ("output = HardSigmoid <alpha=0.16666667, beta=0.5> (input)", {}, ["ADD", "MUL"]),
    "h_swish": ("output = HardSwish (input)", {}, ["HARD_SWISH"]),
    "slope by channel": ("output = PRelu (input, a)", {"a": [[[0.1]], [[0.2]]] * 4}, ["PRELU"]),
    "one slope": ("output = PRelu (input, a)", {"a": [0.25]}, ["LEAKY_RELU"]),
    "gelu": ("output = Gelu (input)", {}, ["GELU"]),
    "integers and back": ("i = Cast <to=6> (input) output = Cast <to=1> (i)", {}, ["CAST", "CAST"]),
    "channel by constant index": (
        "a = Gather <axis=1> (input, third) output = Mul (input, a)",
        {"third": [3]},
        ["SLICE", "MUL"],
    ),
    "fully connected over channels": (
        "t = Transpose <perm=[0,2,3,1]> (input) m = MatMul (t, w) a = Add (m, b) "
        "output = Transpose <perm=[0,3,1,2]> (a)",
        {"w": (8, 8), "b": (8,)},
        ["FULLY_CONNECTED"],
    ),
}


@pytest.mark.parametrize("name", FORMS)
def test_form_becomes(name: str) -> None:
    body, constants, wanted = FORMS[name]
    graph = model(f"g (float[1,8,4,6] input) => (float[1,8,4,6] output) {{ {body} }}", **constants)
    data, inputs = convert(graph).data, random_inputs(graph)
    assert operators(data) == wanted
    assert_equal(run_tflite(data, inputs), run_onnx(graph, inputs))


@pytest.mark.parametrize(
    ("attributes", "size", "wanted"),
    [
        ('mode="linear"', 8, ["RESIZE_BILINEAR"]),
        ('mode="linear", coordinate_transformation_mode="align_corners"', 7, ["RESIZE_BILINEAR"]),
        ('mode="linear", coordinate_transformation_mode="asymmetric"', 12, ["RESIZE_BILINEAR"]),
        ('mode="nearest", coordinate_transformation_mode="asymmetric", nearest_mode="floor"', 8,
         ["RESIZE_NEAREST_NEIGHBOR"]),
        ('mode="nearest"', 12, ["RESIZE_NEAREST_NEIGHBOR"]),
        ('mode="nearest", coordinate_transformation_mode="asymmetric", nearest_mode="ceil"', 7,
         ["GATHER", "GATHER"]),
    ],
)  # fmt: skip
def test_resize_becomes(attributes: str, size: int, wanted: list[str]) -> None:
    graph = model(
        f"g (float[1,8,4,4] input) => (float[1,8,{size},{size}] output) {{"
        f"output = Resize <{attributes}> (input, , , sizes) }}",
        sizes=[1, 8, size, size],
    )
    data, inputs = convert(graph).data, random_inputs(graph)
    assert operators(data) == wanted
    assert_equal(run_tflite(data, inputs), run_onnx(graph, inputs))
