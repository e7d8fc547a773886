"""Paddings, strides and dilations of convolutions and pools against ONNX Runtime."""

from __future__ import annotations

import onnx
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from tflite_models import assert_equal, model, operators, random_inputs, run_onnx, run_tflite

from ca_deploy.exporters.tflite.convert import convert


def check(graph: onnx.ModelProto) -> list[str]:
    """Compare with ONNX Runtime; return the TFLite operators."""
    data, inputs = convert(graph).data, random_inputs(graph)
    assert_equal(run_tflite(data, inputs), run_onnx(graph, inputs))
    return operators(data)


def one(call: str, size: str = "1,8,9,7", **constants: object) -> onnx.ModelProto:
    """Make a model of one node whose output shape ONNX infers."""
    graph = model(f"one (float[{size}] input) => (float[a,b,c,d] output) {{ output = {call} }}", **constants)
    return onnx.shape_inference.infer_shapes(graph, data_prop=True)


@st.composite
def windows(draw: st.DrawFn) -> str:
    """Attributes of a window, one for each axis."""
    kernel, strides = ([draw(st.integers(1, 4)) for _ in range(2)] for _ in range(2))
    pads = [draw(st.integers(0, length - 1)) for length in (*kernel, *kernel)]
    return f"kernel_shape={kernel}, strides={strides}, pads={pads}"


@settings(max_examples=15, deadline=None, derandomize=True)
@given(windows(), st.sampled_from([1, 2, 8]), st.booleans())
def test_convolution(window: str, groups: int, bias: bool) -> None:
    kernel = [int(length) for length in window.split("[")[1].split("]")[0].split(",")]
    constants: dict[str, object] = {"w": (16, 8 // groups, *kernel)} | ({"b": (16,)} if bias else {})
    check(one(f"Conv <{window}, group={groups}> (input, w{', b' if bias else ''})", **constants))


@settings(max_examples=15, deadline=None, derandomize=True)
@given(
    windows(), st.sampled_from(["MaxPool", "AveragePool", "AveragePool <count_include_pad=1>"]), st.booleans()
)
def test_pool(window: str, operator: str, ceil: bool) -> None:
    name, *options = operator.removesuffix(">").split(" <")
    check(one(f"{name} <{', '.join([window, f'ceil_mode={int(ceil)}', *options])}> (input)"))


@settings(max_examples=15, deadline=None, derandomize=True)
@given(windows(), st.sampled_from([1, 2]), st.integers(0, 1))
def test_transposed_convolution(window: str, groups: int, extra: int) -> None:
    kernel, strides = (
        [int(length) for length in part.split("]")[0].split(",")] for part in window.split("[")[1:3]
    )
    assume(all(extra < stride for stride in strides))
    call = f"ConvTranspose <{window}, group={groups}, output_padding=[{extra},{extra}]> (input, w, b)"
    check(one(call, w=(8, 16 // groups, *kernel), b=(16,)))


BECOMES: dict[str, tuple[str, tuple[int, ...], list[str]]] = {
    "Conv <kernel_shape=[3,3], pads=[1,1,1,1]> (input, w)": ("1,8,6,6", (4, 8, 3, 3), ["CONV_2D"]),
    "Conv <kernel_shape=[3,3], pads=[1,1,1,1], strides=[2,2]> (input, w)": (
        "1,8,6,6",
        (4, 8, 3, 3),
        ["PAD", "CONV_2D"],
    ),
    "Conv <pads=[1,1,1,1], kernel_shape=[3,3], strides=[2,2]> (input, w)": (
        "1,8,7,7",
        (4, 8, 3, 3),
        ["CONV_2D"],
    ),
    "Conv <kernel_shape=[3,3], pads=[2,2,2,2], dilations=[2,2]> (input, w)": (
        "1,8,6,6",
        (4, 8, 3, 3),
        ["CONV_2D"],
    ),
    "Conv <kernel_shape=[3,3], pads=[2,2,2,2], dilations=[2,2], group=8> (input, w)": (
        "1,8,6,6",
        (8, 1, 3, 3),
        ["DEPTHWISE_CONV_2D"],
    ),
    "AveragePool <kernel_shape=[6,6]> (input)": ("1,8,6,6", (), ["MEAN"]),
    "AveragePool <kernel_shape=[1,6]> (input)": ("1,8,5,6", (), ["MEAN"]),
    "AveragePool <kernel_shape=[2,2], strides=[2,2]> (input)": ("1,8,6,6", (), ["AVERAGE_POOL_2D"]),
    "MaxPool <kernel_shape=[6,6]> (input)": ("1,8,6,6", (), ["REDUCE_MAX"]),
    "MaxPool <kernel_shape=[3,3], pads=[1,1,1,1]> (input)": ("1,8,6,6", (), ["MAX_POOL_2D"]),
    "MaxPool <kernel_shape=[3,3], pads=[1,1,1,1], strides=[2,2]> (input)": (
        "1,8,6,6",
        (),
        ["MAX_POOL_2D", "STRIDED_SLICE"],
    ),
    "ConvTranspose <kernel_shape=[4,4], pads=[1,1,1,1], strides=[2,2]> (input, w)": (
        "1,8,6,6",
        (8, 4, 4, 4),
        ["TRANSPOSE_CONV"],
    ),
    "ConvTranspose <kernel_shape=[3,3], pads=[1,1,1,1], strides=[2,2], output_padding=[1,1]> (input, w)": (
        "1,8,6,6",
        (8, 4, 3, 3),
        ["TRANSPOSE_CONV", "SLICE"],
    ),
}


@pytest.mark.parametrize("call", BECOMES)
def test_window_becomes(call: str) -> None:
    size, weights, wanted = BECOMES[call]
    assert check(one(call, size, **({"w": weights} if weights else {}))) == wanted


def test_zeros_pad_a_maximum_after_relu() -> None:
    graph = model(
        """after_relu (float[1,8,6,6] input) => (float[1,8,3,3] output) {
            bent = Relu (input)
            output = MaxPool <kernel_shape=[3,3], pads=[1,1,1,1], strides=[2,2]> (bent)
        }"""
    )
    assert check(graph) == ["RELU", "PAD", "MAX_POOL_2D"]
