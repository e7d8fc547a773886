from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from pass_support import apply, capture, example
from torch import Tensor, nn

from ca_deploy.passes import run_passes
from ca_deploy.passes.clips import SpellClips
from ca_deploy.passes.hard_activations import RecogniseHardActivations
from ca_deploy.passes.protocol import Rewritten


class SpelledAndRecognised:
    """Clips in one spelling, then the pass, as in the canonical order."""

    name = "both"

    def __call__(self, graph: torch.fx.GraphModule) -> Rewritten:
        spelled = SpellClips()(graph)
        recognised = RecogniseHardActivations()(spelled.graph)
        return Rewritten(recognised.graph, spelled.count + recognised.count, recognised.refusals)


class Call(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)


def outcome_of(function):
    return apply(SpelledAndRecognised(), Call(function), 1, 3, 4, 4)


def in_place(x: Tensor) -> Tensor:
    gate = x + 3
    return F.relu6(gate, inplace=True).mul_(x).div_(6)


H_SWISH = {
    "paper": lambda x: x * F.relu6(x + 3) / 6,
    "gate first": lambda x: F.relu6(3 + x) / 6 * x,
    "grouped": lambda x: x * (F.relu6(x + 3) / 6),
    "divided first": lambda x: x / 6 * F.relu6(x + 3),
    "by a sixth": lambda x: x * F.relu6(x + 3) * (1 / 6),
    "by a rounded sixth": lambda x: x * F.relu6(x + 3) * 0.16666667,
    "by a sixth as a tensor": lambda x: x * F.relu6(x + 3) * torch.tensor(1 / 6),
    "hardtanh": lambda x: x * F.hardtanh(x + 3, 0, 6) / 6,
    "clamp": lambda x: x * (x + 3).clamp(0, 6) / 6,
    "chain": lambda x: x * torch.minimum(F.relu(x + 3), torch.tensor(6.0)) / 6,
    "unit range": lambda x: x * (x / 6 + 0.5).clamp(0, 1),
    "unit range, grouped": lambda x: x * ((x + 3) / 6).clamp(0, 1),
    "subtracted": lambda x: x * F.relu6(x - -3) / 6,
    "in two steps": lambda x: x * F.relu6(x + 1 + 2) / 2 / 3,
    "doubled": lambda x: x * (2 * x + 6).clamp(0, 12) / 12,
    "in place": in_place,
    "h_sigmoid": lambda x: x * F.hardsigmoid(x),
    "function": F.hardswish,
}


@pytest.mark.parametrize("name", H_SWISH)
def test_h_swish_is_one_node(name):
    assert outcome_of(H_SWISH[name]).operators == ["hardswish"]


H_SIGMOID = {
    "paper": lambda x: F.relu6(x + 3) / 6,
    "by a sixth": lambda x: 0.16666667 * F.relu6(3 + x),
    "unit range": lambda x: (x / 6 + 0.5).clamp(0, 1),
    "unit range, grouped": lambda x: ((x + 3) / 6).clamp(0, 1),
    "hardtanh": lambda x: F.hardtanh(x * (1 / 6) + 0.5, 0, 1),
    "function": F.hardsigmoid,
}


@pytest.mark.parametrize("name", H_SIGMOID)
def test_h_sigmoid_is_one_node(name):
    assert outcome_of(H_SIGMOID[name]).operators == ["hardsigmoid"]


def test_a_gate_of_something_else_is_h_sigmoid_times_it():
    outcome = outcome_of(lambda x: x * F.relu6(x.mean((2, 3), True) + 3) / 6)
    assert sorted(outcome.operators) == ["hardsigmoid", "mean", "mul"]


def test_h_swish_inside_a_longer_product_is_found():
    outcome = outcome_of(lambda x: torch.tanh(x) * (x * F.relu6(x + 3)) / 6)
    assert sorted(outcome.operators) == ["hardswish", "mul", "tanh"]


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (lambda x: x * (x + 3).clamp(0, 5.9) / 6, "clip(1·x + 3, 0, 5.9) is no multiple of h_sigmoid"),
        (lambda x: x * F.relu6(x + 2.9) / 6, "clip(1·x + 2.9, 0, 6) is no multiple of h_sigmoid"),
        (lambda x: (0.2 * x + 0.5).clamp(0, 1), "clip(0.2·x + 0.5, 0, 1) is no multiple of h_sigmoid"),
        (lambda x: x * F.relu6(x + 3) / 5, "it is 1.2 times h_swish"),
        (lambda x: x * F.relu6(x + 3) * 0.16667, "times h_swish"),
        (lambda x: x * F.relu6(x + 3), "it is 6 times h_swish"),
    ],
)
def test_what_only_looks_alike_is_left_alone_with_a_reason(function, reason):
    outcome = outcome_of(function)
    assert "hardswish" not in outcome.operators
    assert "hardsigmoid" not in outcome.operators
    assert reason in outcome.reasons


def test_a_clip_that_is_used_elsewhere_is_left_alone_with_a_reason():
    def forward(x: Tensor) -> Tensor:
        clipped = F.relu6(x + 3)
        return x * clipped / 6 + clipped

    outcome = outcome_of(forward)
    assert "hardswish" not in outcome.operators
    assert "used elsewhere" in outcome.reasons


@pytest.mark.parametrize("function", [F.relu6, lambda x: x * torch.sigmoid(x), lambda x: F.relu6(x + 1)])
def test_plain_activations_are_no_near_misses(function):
    assert outcome_of(function).refusals == ()


@st.composite
def spellings(draw):
    """A product of x, relu6(x + 3) and 1/6 in a random order, association and spelling."""
    offset = draw(st.sampled_from([lambda x: x + 3, lambda x: 3 + x, lambda x: x - -3.0]))
    clip = draw(
        st.sampled_from(
            [
                F.relu6,
                lambda x: F.hardtanh(x, 0, 6),
                lambda x: x.clamp(0, 6),
                lambda x: F.relu(x).clamp_max(6),
            ]
        )
    )
    factors = draw(st.permutations(["x", "gate", "sixth"]))
    left_first, divides = draw(st.booleans()), draw(st.booleans())

    def forward(x: Tensor) -> Tensor:
        values = {"x": x, "gate": clip(offset(x)), "sixth": 0.16666667}
        one, two, three = (values[factor] for factor in factors)
        if divides:
            one, two = (values[factor] for factor in factors if factor != "sixth")
            return one * two / 6 if left_first else one * (two / 6)
        return one * two * three if left_first else one * (two * three)

    return forward


@settings(max_examples=15, deadline=None)
@given(spellings())
def test_every_order_and_association_is_recognised(forward):
    assert outcome_of(forward).operators == ["hardswish"]


def test_a_rounded_sixth_stays_within_float32():
    network = Call(lambda x: x * F.relu6(x + 3) * 0.16666667)
    inputs = example(1, 3, 4, 4)
    result = run_passes(capture(network, inputs), (SpelledAndRecognised(),), [inputs])
    assert result.records[0].error <= 1e-15
    torch.testing.assert_close(result.graph(inputs), network(inputs))
