"""The runtime's operators beside the file's, which it folds into one another."""

from __future__ import annotations

import numpy as np

from ca_deploy.bench.profile.attribution import attribute
from ca_deploy.bench.profile.times import OperatorTimes
from ca_deploy.runtimes.litert import Node


def aligned(names: list[str | tuple[str, int]], operators: list[str]) -> list[int | None] | None:
    """Numbers of the nodes that the runtime's operators are attributed to."""
    nodes = [Node(place, operator, (), ()) for place, operator in enumerate(operators)]
    pairs = [(name, None) if isinstance(name, str) else name for name in names]
    found = attribute([OperatorTimes(name, node, np.zeros(1)) for name, node in pairs], nodes)
    return None if found is None else [node.index if node else None for node in found]


def test_a_padding_and_an_activation_are_folded_into_what_is_behind_them() -> None:
    names = ["Convolution (NHWC, QC8) IGEMM", "Invalid Unary Op", "Fully Connected (NC, QS8, QC8W) GEMM"]

    assert aligned(names, ["PAD", "CONV_2D", "ADD", "MUL", "CONV_2D"]) == [1, 3, 4]


def test_a_shape_change_of_the_runtime_s_own_stands_for_nothing() -> None:
    names = ["Mean (ND) Reduce", "Static Reshape (NC)", "Fully Connected (NC, F32) GEMM"]

    assert aligned(names, ["MEAN", "FULLY_CONNECTED", "RESHAPE"]) == [0, None, 1]
    assert aligned(names, ["MEAN", "RESHAPE", "FULLY_CONNECTED"]) == [0, 1, 2]


def test_tflite_s_own_operators_are_known_by_number() -> None:
    assert aligned(
        ["Add (ND)", ("HARD_SWISH", 2), "Add (ND)"], ["ADD", "HARD_SWISH", "HARD_SWISH", "ADD"]
    ) == [
        0,
        2,
        3,
    ]


def test_lists_that_do_not_fit_are_not_attributed() -> None:
    assert aligned(["Multiply (ND)"], ["CONV_2D"]) is None
