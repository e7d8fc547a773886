"""What is read from a `.tflite` file about its nodes."""

from __future__ import annotations

import numpy as np
import pytest

from ca_deploy.runtimes import Quantization
from ca_deploy.verify.node_facts import node_facts
from ca_deploy.verify.tflite_graph import TFLiteGraph
from ca_deploy.verify.xnnpack.operators import convolution, fully_connected, split


def test_options_and_operands_are_those_of_the_file() -> None:
    (node,) = node_facts(convolution(channel_axis=0, fusedActivationFunction=3)("int8"))
    images, weights, bias = node.inputs

    assert (node.index, node.operator, node.dtype) == (0, "CONV_2D", "int8")
    assert (node.options["strideW"], node.options["fusedActivationFunction"]) == (1, 3)
    assert images is not None
    assert weights is not None
    assert bias is not None
    assert (images.shape, images.constant, images.quantization) == (
        (1, 8, 8, 16),
        False,
        Quantization((pytest.approx(0.1),), (3,)),
    )
    assert (weights.constant, weights.value) == (True, None)
    assert weights.quantization is not None
    assert len(weights.quantization.scales) == 8
    assert (bias.dtype, bias.value.tolist()) == ("int32", [1] * 8)
    assert node.computed == (images,)


def test_the_type_is_that_of_the_first_computed_input() -> None:
    (node,) = node_facts(split(2)("int8"))

    assert [i.dtype for i in node.inputs if i] == ["int32", "int8"]
    assert node.dtype == "int8"


def test_an_input_left_out_is_none() -> None:
    graph = TFLiteGraph()
    x, y = graph.tensor((1, 4)), graph.tensor((1, 2))
    weights = graph.tensor((2, 4), value=np.ones((2, 4)))
    graph.node("FULLY_CONNECTED", [x, weights, -1], [y], "FullyConnected")

    (node,) = node_facts(graph.to_bytes([x], [y]))

    assert node.inputs[2] is None


def test_nodes_without_options_have_none() -> None:
    graph = TFLiteGraph()
    x, y, z = (graph.tensor((1, 4)) for _ in range(3))
    graph.node("RELU", [x], [y])
    graph.node("LOGISTIC", [y], [z])

    first, second = node_facts(graph.to_bytes([x], [z]))

    assert (first.options, second.index, second.outputs[0].name) == ({}, 1, "t2")


def test_real_numbers_have_no_quantization() -> None:
    (node,) = node_facts(fully_connected()("float32"))

    assert {i.quantization for i in node.inputs if i} == {None}
