"""Formulations rewrite what they claim to, exactly, and leave alone what only looks alike."""

from collections import Counter

import pytest
import torch
from pass_support import apply, canonical, example, operators, randomized
from torch import nn
from torch.nn import functional as F

from ca_deploy.networks.attention import CoordinateAttention
from ca_deploy.passes import run_passes
from ca_deploy.passes.formulations import default_formulation, formulation_passes
from ca_deploy.passes.formulations.convolve_before_pooling import ConvolveBeforePooling
from ca_deploy.passes.formulations.gates import MultiplyGatesFirst, SwapGates
from ca_deploy.passes.formulations.hard_swish_by_relu6 import HardSwishByRelu6
from ca_deploy.passes.formulations.means_to_pools import MeansToPools
from ca_deploy.passes.formulations.move_reshapes import MoveReshapes
from ca_deploy.passes.formulations.onnx_runtime import ONNX_RUNTIME
from ca_deploy.passes.formulations.pool_by_convolution import PoolByConvolution
from ca_deploy.passes.formulations.split_concatenations import SplitConcatenations
from ca_deploy.passes.graph import place
from ca_deploy.passes.within import block_of
from ca_deploy.recipe import Formulation


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


class Module(nn.Module):
    """A function of the input and of two 1x1 convolutions, a 3x3 one and a linear layer."""

    def __init__(self, function):
        super().__init__()
        self.function = function
        self.one, self.other = nn.Conv2d(4, 6, 1), nn.Conv2d(6, 4, 1)
        self.wide = nn.Conv2d(4, 6, 3, padding=1)
        randomized(self)

    def forward(self, x):
        return self.function(self, x)


def joined(m, x, sizes=(5, 7), axis=2, extra=False):
    pooled = torch.cat([x.mean(3, keepdim=True), x.mean(2, keepdim=True).reshape(1, 4, 7, 1)], 2)
    shared = F.hardswish(m.one(pooled))
    parts = torch.split(shared, sizes, axis)
    result = m.other(parts[0]).sum() + m.other(parts[1]).mean()
    return result + shared.mean() if extra else result


def test_parts_of_a_concatenation_are_treated_apart():
    outcome = apply(SplitConcatenations(), Module(joined), 1, 4, 5, 7)
    assert outcome.count == 2
    assert not {"cat", "split_with_sizes"} & set(outcome.operators)
    assert Counter(outcome.operators)["hardswish"] == 2


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"sizes": (6, 6)}, "split elsewhere"),
        ({"sizes": (2, 4), "axis": 1}, "another axis"),
        ({"extra": True}, "something else reads"),
    ],
)
def test_a_concatenation_that_is_used_as_one_is_left_alone(options, reason):
    module = Module(lambda m, x: joined(m, x, **options))
    if options.get("axis") == 1:
        module.other = nn.Conv2d(1, 1, 1)
        module.function = lambda m, x: sum(
            part.mean() for part in torch.split(m.one(torch.cat([x, x], 2)), (2, 4), 1)
        )
    outcome = apply(SplitConcatenations(), module, 1, 4, 5, 7)
    assert outcome.count == 0
    assert reason in outcome.reasons


def test_a_convolution_across_positions_keeps_the_concatenation():
    def across(m, x):
        return sum(part.mean() for part in torch.split(m.wide(torch.cat([x, x], 2)), (5, 5), 2))

    assert apply(SplitConcatenations(), Module(across), 1, 4, 5, 7).count == 0


def test_reshapes_that_meet_are_gone():
    def turned(m, x):
        pooled = x.mean(2, keepdim=True).reshape(1, 4, 7, 1)
        return m.other(F.hardswish(m.one(pooled)).reshape(1, 6, 1, 7))

    outcome = apply(MoveReshapes(), Module(turned), 1, 4, 5, 7)
    assert outcome.operators == ["mean", "conv2d", "hardswish", "conv2d"]


@pytest.mark.parametrize(
    "function",
    [
        lambda m, x: m.one(x.reshape(1, 4, 35, 1)).mean((2, 3)) * m.one(x.reshape(1, 4, 35, 1)).amax((2, 3)),
        lambda m, x: m.one(x.reshape(4, 1, 5, 7).reshape(1, 4, 7, 5)),
        lambda m, x: m.wide(x.reshape(1, 4, 7, 5)),
        lambda m, x: m.one(x.reshape(1, 5, 4, 7).reshape(7, 4, 5, 1)),
    ],
)
def test_reshapes_keep_the_mathematics_wherever_they_stand(function):
    apply(MoveReshapes(), Module(function), 1, 4, 5, 7)  # proves equality


def test_pooling_follows_the_convolution_that_both_means_share():
    def pooled(m, x):
        return F.hardswish(m.one(x.mean(3, keepdim=True))) * F.hardswish(m.one(x.mean(2, keepdim=True)))

    outcome = apply(ConvolveBeforePooling(), Module(pooled), 1, 4, 5, 7)
    assert outcome.count == 2
    assert outcome.operators[:2] == ["conv2d", "mean"]
    assert Counter(outcome.operators)["conv2d"] == 1


@pytest.mark.parametrize(
    "function",
    [
        lambda m, x: m.one(x.mean((2, 3), keepdim=True)),  # squeeze and excitation
        lambda m, x: m.one(x.mean(3, keepdim=True)) * m.wide(x.mean(2, keepdim=True)),
        lambda m, x: m.one(x.mean(3, keepdim=True)),
    ],
)
def test_a_convolution_of_one_mean_alone_stays_behind_it(function):
    assert apply(ConvolveBeforePooling(), Module(function), 1, 4, 5, 7).count == 0


def test_h_swish_becomes_a_fused_relu6_and_the_sixth_goes_into_the_weights():
    outcome = apply(HardSwishByRelu6(), Module(lambda m, x: m.other(F.hardswish(m.one(x)))), 1, 4, 5, 7)
    assert outcome.operators == ["conv2d", "add", "hardtanh", "mul", "conv2d"]


@pytest.mark.parametrize(
    "function",
    [
        lambda m, x: F.hardswish(m.one(x)),
        lambda m, x: m.other(F.hardswish(m.one(x))) + F.hardswish(m.one(x)).mean(),
        lambda m, x: (lambda h: m.other(h) + h.mean())(F.hardswish(m.one(x))),
    ],
)
def test_h_swish_that_no_layer_reads_stays(function):
    outcome = apply(HardSwishByRelu6(), Module(function), 1, 4, 5, 7)
    assert "no weights to go to" in outcome.reasons
    assert "hardswish" in outcome.operators


@pytest.mark.parametrize(
    ("target", "precision", "expected"),
    [
        ("android", "fp32", {"conv2d": 4, "mean": 2, "hardswish": 2, "sigmoid": 2, "mul": 2}),
        ("android", "int8", {"conv2d": 4, "mean": 2, "add": 2, "hardtanh": 2, "sigmoid": 2, "mul": 4}),
        ("x86", "int8", {"conv2d": 3, "mean": 2, "add": 2, "hardtanh": 2, "sigmoid": 2, "mul": 4}),
    ],
)
def test_coordinate_attention_in_each_form(target, precision, expected):
    block = randomized(CoordinateAttention(32)).eval()
    graph = canonical(block, 1, 32, 6, 5)
    passes = formulation_passes(default_formulation(target, precision), {})
    formed = run_passes(graph, passes, [example(1, 32, 6, 5)])
    assert Counter(operators(formed.graph)) == expected
    assert all(record.error <= 1e-9 for record in formed.records)


@pytest.mark.parametrize("axes", [(2,), (3,), (2, 3), (1,)])
def test_means_become_convolutions_with_equal_weights(axes):
    outcome = apply(PoolByConvolution(), Module(lambda m, x: x.mean(axes, keepdim=True)), 1, 4, 5, 7)
    assert outcome.operators == ["conv2d"]


@pytest.mark.parametrize(
    "function",
    [
        lambda m, x: x.mean((2, 3)),
        lambda m, x: x.mean((1, 2), keepdim=True),
        lambda m, x: x.mean(0, keepdim=True),
        lambda m, x: x.reshape(4, 5, 7).mean(1, keepdim=True),
    ],
)
def test_other_means_stay_means(function):
    assert apply(PoolByConvolution(), Module(function), 1, 4, 5, 7).count == 0


def gated(m, x):
    return x * x.mean(2, keepdim=True).sigmoid() * x.mean(3, keepdim=True).sigmoid()


def factors(graph):
    """The shapes that each multiplication reads."""
    return [[tuple(a.meta["val"].shape) for a in n.args] for n in graph.graph.nodes if n.target is MUL]


MUL = torch.ops.aten.mul.Tensor
MAP, ROW, COLUMN = (1, 4, 5, 7), (1, 4, 1, 7), (1, 4, 5, 1)


@pytest.mark.parametrize(
    ("step", "read"),
    [
        (SwapGates(), [[MAP, COLUMN], [MAP, ROW]]),
        (MultiplyGatesFirst(), [[ROW, COLUMN], [MAP, MAP]]),
    ],
)
def test_gates_are_multiplied_in_another_order(step, read):
    outcome = apply(step, Module(gated), *MAP)
    assert outcome.count == 1
    assert factors(outcome.graph) == read


@pytest.mark.parametrize(
    "function",
    [
        lambda m, x: x * x.mean(2, keepdim=True).sigmoid(),
        lambda m, x: x * x.mean(2, keepdim=True).sigmoid() * x.mean(3, keepdim=True).sigmoid() * 2,
        lambda m, x: x * (x.mean(2, keepdim=True).sigmoid() * x.mean(3, keepdim=True).sigmoid()),
        lambda m, x: x * x.sigmoid() * x.tanh(),
        lambda m, x: (lambda y: y * x.mean(3, keepdim=True) + y)(x * x.mean(2, keepdim=True)),
    ],
)
@pytest.mark.parametrize("step", [SwapGates(), MultiplyGatesFirst()])
def test_other_products_keep_their_order(step, function):
    assert apply(step, Module(function), *MAP).count == 0


def test_single_blocks_can_be_written_otherwise():
    blocks = nn.Sequential(*(randomized(CoordinateAttention(32)) for _ in range(3))).eval()
    graph = canonical(blocks, 1, 32, 6, 5)
    own = {
        "1": Formulation(convolution="joined", h_swish="operator"),
        "2": Formulation(pooling="convolution"),
    }
    formed = run_passes(
        graph, formulation_passes(default_formulation("x86", "int8"), own), [example(1, 32, 6, 5)]
    )
    made = {name: Counter(n.target._opname for n in calls_in(formed.graph, name)) for name in "012"}
    assert made["0"] == {"conv2d": 3, "mean": 2, "add": 2, "hardtanh": 2, "sigmoid": 2, "mul": 4}
    assert made["1"] == {"conv2d": 3, "mean": 2, "hardswish": 1, "sigmoid": 2, "mul": 2} | {
        "cat": 1, "split_with_sizes": 1, "reshape": 2,
    }  # fmt: skip
    assert made["2"] == {"conv2d": 5, "add": 2, "hardtanh": 2, "sigmoid": 2, "mul": 4}


def calls_in(graph, block):
    """Calls to ATen operators that a block's module made."""
    calls = (node for node in graph.graph.nodes if isinstance(node.target, torch._ops.OpOverload))
    return [node for node in calls if block_of(place(node), [block])]


def test_means_over_whole_axes_become_pools():
    def means(m, x):
        return x.mean(3, keepdim=True) * x.mean(2, keepdim=True) + x.mean((2, 3), keepdim=True)

    outcome = apply(MeansToPools(), Module(means), 1, 4, 5, 7)
    assert outcome.count == 3
    assert Counter(outcome.operators)["avg_pool2d"] == 3


@pytest.mark.parametrize(
    "function", [lambda m, x: x.mean(1, keepdim=True), lambda m, x: x.mean((1, 3), keepdim=True)]
)
def test_means_over_channels_stay(function):
    assert apply(MeansToPools(), Module(function), 1, 4, 5, 7).count == 0


def test_onnx_runtimes_form_holds_what_its_providers_take():
    block = randomized(CoordinateAttention(32)).eval()
    formed = run_passes(canonical(block, 1, 32, 6, 5), ONNX_RUNTIME, [example(1, 32, 6, 5)])
    expected = {"conv2d": 3, "avg_pool2d": 2, "add": 2, "hardtanh": 2, "sigmoid": 2, "mul": 4}
    assert Counter(operators(formed.graph)) == expected
