from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from pass_support import apply
from torch import Tensor, nn

from ca_deploy.passes.drop_identities import DropIdentities


class Between(nn.Module):
    """Puts a function between two operators that stay."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return torch.tanh(self.function(torch.sigmoid(x)))


IDENTITIES = {
    "dropout": lambda x: F.dropout(x, 0.5, training=False),
    "dropout of channels": lambda x: F.dropout2d(x, 0.5, training=False),
    "clone": lambda x: x.clone(),
    "detach": lambda x: x.detach(),
    "contiguous": lambda x: x.contiguous(memory_format=torch.channels_last),
    "same dtype": lambda x: x.to(torch.float32),
    "type of itself": lambda x: x.type_as(x),
    "float": lambda x: x.float(),
    "times one": lambda x: 1 * x,
    "divided by one": lambda x: x / 1.0,
    "plus zero": lambda x: 0 + x,
    "minus zero": lambda x: x - 0.0,
    "to the first": lambda x: x**1,
    "same shape": lambda x: x.view(x.shape),
    "no permutation": lambda x: x.permute(0, 1, -2, -1),
    "no transposition": lambda x: x.transpose(-1, 3),
    "all of a slice": lambda x: x[:, :, 0:4],
    "expanded to itself": lambda x: x.expand(-1, -1, -1, -1),
    "repeated once": lambda x: x.repeat(1, 1, 1, 1),
    "nothing to squeeze": lambda x: x.squeeze(2),
    "flattened alone": lambda x: x.flatten(2, 2),
    "pools of one pixel": lambda x: F.avg_pool2d(F.max_pool2d(x, 1), 1),
    "adaptive pool to its size": lambda x: F.adaptive_avg_pool2d(x, (4, 6)),
    "mean of a unit axis": lambda x: x.mean(0, keepdim=True),
    "padded by nothing": lambda x: F.pad(x, (0, 0, 0, 0)),
}


@pytest.mark.parametrize("name", IDENTITIES)
def test_identities_vanish(name):
    outcome = apply(DropIdentities(), Between(IDENTITIES[name]), 1, 3, 4, 6)
    assert outcome.operators == ["sigmoid", "tanh"]
    assert outcome.count > 0


def test_identities_in_a_row_vanish_together():
    module = Between(lambda x: F.dropout(x.clone() * 1, 0.1, training=False))
    outcome = apply(DropIdentities(), module, 1, 3, 4, 6)
    assert outcome.operators == ["sigmoid", "tanh"]
    assert outcome.count == 3


OTHERS = {
    "other dtype": lambda x: x.half().float(),
    "times two": lambda x: x * 2,
    "plus one": lambda x: x + 1,
    "shifted": lambda x: F.pad(x, (1, -1)),
    "swapped": lambda x: x.transpose(0, 1).transpose(0, 2),
    "smoothed": lambda x: F.avg_pool2d(x, 3, stride=1, padding=1),
    "reversed sign": lambda x: 0 - x,
    "broadcast": lambda x: x * torch.ones(2, 1, 1, 1),
    "strided slice": lambda x: x[:, :, ::2],
}


@pytest.mark.parametrize("name", OTHERS)
def test_what_changes_values_or_shape_stays(name):
    outcome = apply(DropIdentities(), Between(OTHERS[name]), 1, 3, 4, 6)
    assert len(outcome.operators) > 2
