"""Attention blocks are found by their form, and what only looks like one is not."""

from __future__ import annotations

from ca_deploy.bench.profile.blocks import attention_blocks
from ca_deploy.runtimes.litert import Node


def graph(*lines: str) -> list[Node]:
    """Nodes from lines such as `c = MUL a b`; tensors are single letters."""
    parts = [line.split() for line in lines]
    return [
        Node(place, operator, tuple(map(ord, inputs)), (ord(output),))
        for place, (output, _, operator, *inputs) in enumerate(parts)
    ]


def found(nodes: list[Node], shapes: dict[int, tuple[int, ...]] | None = None) -> list[str]:
    return [
        "".join(chr(node.outputs[0]) for node in block) for block in attention_blocks(nodes, shapes or {})
    ]


def test_coordinate_attention_is_one_block_with_both_gates() -> None:
    nodes = graph(
        "x = DEPTHWISE_CONV_2D a",
        "h = MEAN x",
        "i = CONV_2D h",
        "j = ADD i",
        "k = MUL i j",
        "l = LOGISTIC k",
        "w = MEAN x",
        "v = LOGISTIC w",
        "m = MUL x v",
        "n = MUL m l",
        "o = CONV_2D n",
    )

    assert found(nodes) == ["hijklwvmn"]


def test_each_half_of_cbam_is_a_block() -> None:
    nodes = graph(
        "x = DEPTHWISE_CONV_2D a",
        "p = MEAN x",
        "q = REDUCE_MAX x",
        "g = ADD p q",
        "y = MUL x g",
        "r = MEAN y",
        "s = REDUCE_MAX y",
        "t = CONCATENATION r s",
        "z = MUL y t",
    )

    assert found(nodes) == ["pqgy", "rstz"]


def test_a_residual_around_an_attention_block_is_none() -> None:
    nodes = graph(
        "b = CONV_2D a",
        "x = CONV_2D b",
        "p = MEAN x",
        "y = MUL x p",
        "r = ADD b y",
    )

    assert found(nodes) == ["py"]


def test_an_activation_that_multiplies_is_none() -> None:
    assert found(graph("x = CONV_2D a", "r = ADD x", "y = MUL x r")) == []


def test_a_tensor_that_is_also_an_output_does_not_confuse_it() -> None:
    nodes = graph("x = CONV_2D a", "p = MEAN x", "q = MEAN x", "y = MUL x p")

    assert found(nodes) == []


def test_convolving_before_pooling_is_one_block_too() -> None:
    nodes = graph(
        "x = DEPTHWISE_CONV_2D a",
        "c = CONV_2D x",
        "h = MEAN c",
        "w = MEAN c",
        "m = MUL x h",
        "n = MUL m w",
    )

    assert found(nodes) == ["chwmn"]


def test_a_depthwise_convolution_as_large_as_its_input_pools() -> None:
    nodes = graph("x = CONV_2D a", "p = DEPTHWISE_CONV_2D x", "y = MUL x p")
    shapes = {ord("x"): (1, 8, 8, 4), ord("p"): (1, 8, 1, 4)}

    assert found(nodes, shapes) == ["py"]
    assert found(nodes, shapes | {ord("p"): (1, 8, 8, 4)}) == []


def test_gates_that_are_multiplied_with_each_other_first_are_one_block() -> None:
    nodes = graph("x = CONV_2D a", "c = CONV_2D x", "h = MEAN c", "w = MEAN c", "g = MUL h w", "y = MUL x g")

    assert found(nodes) == ["chwgy"]
