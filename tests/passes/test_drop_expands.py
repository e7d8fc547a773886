from __future__ import annotations

import pytest
import torch
from pass_support import apply
from torch import Tensor, nn

from ca_deploy.passes.drop_expands import DropExpands


class Gated(nn.Module):
    """Gates rows of x by their means, which a function spreads over the columns."""

    def __init__(self, spread, combine=torch.mul):
        super().__init__()
        self.spread, self.combine = spread, combine

    def forward(self, x: Tensor) -> Tensor:
        return self.combine(x, self.spread(x.mean(3, keepdim=True), x))


SPREADS = {
    "expand": lambda gate, x: gate.expand(-1, -1, -1, x.shape[3]),
    "expand_as": lambda gate, x: gate.expand_as(x),
    "broadcast_to": lambda gate, x: gate.broadcast_to(x.shape),
    "repeat": lambda gate, x: gate.repeat(1, 1, 1, x.shape[3]),
}


@pytest.mark.parametrize("name", SPREADS)
@pytest.mark.parametrize("combine", [torch.mul, torch.add, torch.maximum])
def test_copies_before_broadcasting_operators_vanish(name, combine):
    outcome = apply(DropExpands(), Gated(SPREADS[name], combine), 1, 3, 4, 5)
    assert "mean" in outcome.operators
    assert len(outcome.operators) == 2


def test_both_factors_of_an_outer_product_are_left_to_broadcasting():
    class Outer(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.mean(3, True).expand_as(x) * x.mean(2, True).expand_as(x)

    assert apply(DropExpands(), Outer(), 1, 3, 4, 5).operators == ["mean", "mean", "mul"]


@pytest.mark.parametrize(
    ("spread", "combine", "reason"),
    [
        (SPREADS["expand"], lambda x, gate: torch.cat([x, gate]), "read by aten.cat.default"),
        (SPREADS["expand"], lambda x, gate: gate * 2, "aten.mul.Tensor has its shape from these copies"),
        (lambda gate, x: gate.repeat(1, 1, 2, 5)[:, :, :4], torch.mul, "repeats axes longer than 1"),
    ],
)
def test_copies_that_are_needed_stay_with_a_reason(spread, combine, reason):
    outcome = apply(DropExpands(), Gated(spread, combine), 1, 3, 4, 5)
    assert outcome.count == 0
    assert reason in outcome.reasons
