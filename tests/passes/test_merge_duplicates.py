from __future__ import annotations

from pass_support import apply
from torch import Tensor, nn

from ca_deploy.passes.merge_duplicates import MergeDuplicates


class Twice(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.sigmoid().mean(2, True) * x.sigmoid().mean(2, True) + x.sigmoid().mean(3, True)


def test_equal_calls_are_made_once():
    outcome = apply(MergeDuplicates(), Twice(), 1, 3, 4, 4)
    assert outcome.operators == ["sigmoid", "mean", "mul", "mean", "add"]
    assert outcome.count == 3


def test_convolutions_with_other_weights_stay_apart():
    class Parallel(nn.Module):
        def __init__(self):
            super().__init__()
            self.one, self.other = nn.Conv2d(3, 4, 1), nn.Conv2d(3, 4, 1)

        def forward(self, x: Tensor) -> Tensor:
            return self.one(x) + self.other(x)

    assert apply(MergeDuplicates(), Parallel(), 1, 3, 4, 4).count == 0
