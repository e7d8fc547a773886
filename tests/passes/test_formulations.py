"""The forms that targets get, each proved equal to the canonical graph."""

from __future__ import annotations

from collections import Counter

import pytest
import torch
import torch.nn.functional as F
from pass_support import assert_shapes_hold, canonical, example, operators, randomized
from torch import Tensor, nn
from torch.fx import GraphModule

from ca_deploy.networks.attention import Cbam, CoordinateAttention, SqueezeExcite
from ca_deploy.passes import Pass, PassesResult, run_passes
from ca_deploy.passes.formulations import FORMULATIONS
from ca_deploy.passes.formulations.convolve_before_pooling import ConvolveBeforePooling
from ca_deploy.passes.formulations.hard_swish_by_relu6 import HardSwishByRelu6
from ca_deploy.passes.formulations.split_concatenations import SplitConcatenations

SHAPE = (1, 16, 6, 4)


class Call(nn.Module):
    def __init__(self, function, *layers: nn.Module):
        super().__init__()
        self.function = function
        self.layers = nn.ModuleList(layers)

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x, *self.layers)


def formulated(graph: GraphModule, passes: tuple[Pass, ...], shape: tuple[int, ...] = SHAPE) -> PassesResult:
    """`run_passes` proves the passes; shapes are proved here."""
    result = run_passes(graph, passes, [example(*shape)])
    assert_shapes_hold(result.graph, example(*shape))
    return result


def reasons(result: PassesResult) -> str:
    return "; ".join(refusal.reason for record in result.records for refusal in record.refusals)


@pytest.fixture(scope="module")
def coordinate_attention():
    return canonical(randomized(CoordinateAttention(16)), *SHAPE)


def test_on_arm_the_parts_are_treated_apart(coordinate_attention):
    result = formulated(coordinate_attention, FORMULATIONS["android"]["fp32"])
    assert Counter(operators(result.graph)) == {
        "mean": 2,
        "conv2d": 4,
        "hardswish": 2,
        "sigmoid": 2,
        "mul": 2,
    }


def test_in_int8_h_swish_is_a_fused_relu6(coordinate_attention):
    result = formulated(coordinate_attention, FORMULATIONS["android"]["int8"])
    found = Counter(operators(result.graph))
    assert found == {"mean": 2, "conv2d": 4, "add": 2, "hardtanh": 2, "sigmoid": 2, "mul": 4}


def test_on_x86_in_int8_one_convolution_comes_before_both_pools(coordinate_attention):
    result = formulated(coordinate_attention, FORMULATIONS["x86"]["int8"])
    found = operators(result.graph)
    assert Counter(found) == {"mean": 2, "conv2d": 3, "add": 2, "hardtanh": 2, "sigmoid": 2, "mul": 4}
    assert found.index("conv2d") < found.index("mean")


@pytest.mark.parametrize("target", FORMULATIONS)
@pytest.mark.parametrize("precision", ["fp32", "fp16", "int8"])
@pytest.mark.parametrize("block", [SqueezeExcite(48), Cbam(48)], ids=["se", "cbam"])
def test_other_attention_keeps_its_form(target, precision, block):
    graph = canonical(block, 1, 48, 6, 4)
    result = formulated(graph, FORMULATIONS[target][precision], (1, 48, 6, 4))
    assert operators(result.graph) == operators(graph)


def joined(x: Tensor, sizes: list[int], axis: int, *layers: nn.Module) -> Tensor:
    """Join means of rows and columns, treat them, take them apart again at `sizes`."""
    rows, columns = x.mean(3, keepdim=True), x.mean(2, keepdim=True).transpose(2, 3)
    together = torch.cat([rows, columns], 2)
    for layer in layers:
        together = layer(together)
    one, other = together.split(sizes, axis)
    return one.sigmoid().sum((2, 3)) + other.tanh().sum((2, 3))


@pytest.mark.parametrize(
    ("module", "reason"),
    [
        (Call(lambda x: joined(x, [3, 7], 2)), "split elsewhere than where it was joined"),
        (Call(lambda x: joined(x, [8, 8], 1)), "joined along another axis than it is split along"),
    ],
)
def test_parts_that_are_not_those_joined_stay_together(module, reason):
    result = formulated(canonical(module, *SHAPE), (SplitConcatenations(),))
    assert "cat" in operators(result.graph)
    assert reason in reasons(result)


@pytest.mark.parametrize(
    "layer", [nn.Conv2d(16, 16, 3, padding=1), nn.Conv2d(16, 16, (3, 1), padding=(1, 0))]
)
def test_a_convolution_that_sees_both_parts_keeps_them_together(layer):
    result = formulated(
        canonical(Call(lambda x, inner: joined(x, [6, 4], 2, inner), layer), *SHAPE), (SplitConcatenations(),)
    )
    assert result.records[0].count == 0


def test_parts_joined_and_split_at_once_are_the_parts():
    result = formulated(canonical(Call(lambda x: joined(x, [6, 4], 2)), *SHAPE), (SplitConcatenations(),))
    assert "cat" not in operators(result.graph)


def test_h_swish_without_weights_behind_it_is_left_alone_with_a_reason():
    graph = canonical(Call(lambda x, layer: layer(x) + F.hardswish(x), nn.Conv2d(16, 16, 1)), *SHAPE)
    result = formulated(graph, (HardSwishByRelu6(),))
    assert "hardswish" in operators(result.graph)
    assert "the sixth has no weights to go to" in reasons(result)


def test_every_layer_behind_an_h_swish_takes_the_sixth():
    def forward(x: Tensor, one: nn.Module, other: nn.Module) -> Tensor:
        x = F.hardswish(x)
        return one(x) + other(x)

    module = Call(forward, nn.Conv2d(16, 8, 3, padding=1, bias=False), nn.Conv2d(16, 8, 1))
    result = formulated(canonical(module, *SHAPE), (HardSwishByRelu6(),))
    assert Counter(operators(result.graph)) == {"add": 2, "hardtanh": 1, "mul": 1, "conv2d": 2}


@pytest.mark.parametrize(
    "module",
    [
        Call(lambda x, layer: layer(x.mean(3, keepdim=True)), nn.Conv2d(16, 8, 1)),
        Call(lambda x, layer: layer(x.mean((2, 3), keepdim=True)), nn.Conv2d(16, 8, 1)),
        Call(
            lambda x, one, other: one(x.mean(3, keepdim=True)) * other(x.mean(2, keepdim=True)),
            nn.Conv2d(16, 8, 1),
            nn.Conv2d(16, 8, 1),
        ),
    ],
    ids=["one axis", "both axes at once", "two convolutions"],
)
def test_a_convolution_that_would_only_grow_stays_behind_its_pool(module):
    result = formulated(canonical(module, *SHAPE), (ConvolveBeforePooling(),))
    assert result.records[0].count == 0
