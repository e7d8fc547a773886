from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from pass_support import apply
from torch import Tensor, nn

from ca_deploy.passes.clips import SpellClips


class Call(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)


RELU6 = {
    "module": nn.ReLU6(),
    "in place": nn.Sequential(nn.Conv2d(3, 3, 1), nn.ReLU6(inplace=True)),
    "function": Call(F.relu6),
    "hardtanh": Call(lambda x: F.hardtanh(x, 0, 6)),
    "clamp": Call(lambda x: x.clamp(0, 6)),
    "chain": Call(lambda x: x.clamp_min(0).clamp_max(6)),
    "chain backwards": Call(lambda x: x.clamp(max=6).clamp(min=0)),
    "relu and a bound": Call(lambda x: F.relu(x).clamp(max=6)),
    "minimum of tensors": Call(lambda x: torch.minimum(F.relu(x), torch.tensor(6.0))),
    "twice": Call(lambda x: F.relu6(F.relu(F.relu6(x)))),
}


@pytest.mark.parametrize("name", RELU6)
def test_relu6_has_one_spelling(name):
    outcome = apply(SpellClips(), RELU6[name], 1, 3, 4, 4)
    assert [operator for operator in outcome.operators if operator != "conv2d"] == ["hardtanh"]
    (node,) = outcome.graph.graph.find_nodes(op="call_function", target=torch.ops.aten.hardtanh.default)
    assert node.args[1:] == (0.0, 6.0)


@pytest.mark.parametrize(
    ("function", "spelling"),
    [
        (F.relu, "relu"),
        (lambda x: x.clamp(min=0), "relu"),
        (lambda x: x.clamp(min=-1), "clamp_min"),
        (lambda x: x.clamp(max=2), "clamp_max"),
        (lambda x: x.clamp(-1, 2), "hardtanh"),
    ],
)
def test_other_clips_have_one_spelling_each(function, spelling):
    assert apply(SpellClips(), Call(function), 1, 3, 4, 4).operators == [spelling]


def test_a_clip_that_is_used_elsewhere_stays_apart():
    def forward(x: Tensor) -> Tensor:
        positive = F.relu(x)
        return positive.clamp(max=6) + positive

    assert apply(SpellClips(), Call(forward), 1, 3, 4, 4).operators == ["relu", "clamp_max", "add"]


bounds = st.one_of(st.none(), st.integers(-4, 4))


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(bounds, bounds).filter(lambda pair: pair != (None, None)), min_size=1, max_size=4))
def test_chains_of_clips_keep_their_values(chain):
    def forward(x: Tensor) -> Tensor:
        for low, high in chain:
            x = x.clamp(low, high)
        return x

    outcome = apply(SpellClips(), Call(forward), 1, 3, 4, 4)
    ordered = all(
        (low if low is not None else -math.inf) <= (high if high is not None else math.inf)
        for low, high in chain
    )
    assert not ordered or len(outcome.operators) == 1
