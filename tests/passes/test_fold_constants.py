from __future__ import annotations

import torch
from pass_support import apply, operators
from torch import Tensor, nn

from ca_deploy.passes.fold_constants import FoldConstants


class Standardized(nn.Conv2d):
    """A convolution whose weight is standardized on every call."""

    def forward(self, x: Tensor) -> Tensor:
        weight = (self.weight - self.weight.mean((1, 2, 3), keepdim=True)) / self.weight.std()
        return nn.functional.conv2d(x, weight, self.bias)


class Grid(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x + torch.arange(x.shape[3], dtype=x.dtype).reshape(1, 1, 1, -1).expand_as(x)


def test_weights_computed_from_constants_are_computed_once():
    outcome = apply(FoldConstants(), Standardized(3, 4, 3), 1, 3, 8, 8)
    assert outcome.operators == ["conv2d"]
    assert {name for name, _ in outcome.graph.named_buffers()} == {"bias", "div"}


def test_a_grid_is_stored_once_and_not_repeated():
    outcome = apply(FoldConstants(), Grid(), 1, 3, 8, 8)
    assert outcome.operators[-2:] == ["expand_as", "add"]
    (grid,) = outcome.graph.buffers()
    assert grid.shape == (1, 1, 1, 8)


def test_what_reads_the_input_stays():
    outcome = apply(FoldConstants(), nn.Conv2d(3, 4, 1), 1, 3, 8, 8)
    assert outcome.count == 0
    assert operators(outcome.graph) == ["conv2d"]
