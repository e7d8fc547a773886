from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pass_support import canonical, randomized
from torch import Tensor, nn

from ca_deploy.passes.channel_means import Normal, channel_means, clipped_mean

_QUANTILES = torch.special.ndtri((torch.arange(200_000, dtype=torch.float64) + 0.5) / 200_000)


@settings(max_examples=40, deadline=None)
@given(
    mean=st.floats(-9, 9),
    deviation=st.floats(0, 5),
    bounds=st.sampled_from([(0.0, 6.0), (0.0, math.inf), (-1.0, 1.0), (-math.inf, 2.0)]),
)
def test_a_clipped_mean_is_that_of_clipped_values(mean, deviation, bounds):
    normal = Normal(torch.tensor([mean]), torch.tensor([deviation]))
    values = (normal.mean.double() + normal.deviation.double() * _QUANTILES).clamp(*bounds)
    found = clipped_mean(normal, *bounds)
    torch.testing.assert_close(found, values.mean()[None], atol=1e-4, rtol=1e-4)


def test_what_batch_normalization_determines_has_the_mean_that_is_measured():
    """A layer normalized to its real statistics, its clip, and a sum; not a product nor what follows it."""

    class Network(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer, self.norm = nn.Conv2d(8, 6, 1), nn.BatchNorm2d(6)
            self.last = nn.Conv2d(6, 4, 1)

        def forward(self, x: Tensor) -> Tensor:
            normalized = self.norm(self.layer(x))
            clipped = nn.functional.relu6(normalized)
            total = normalized + clipped
            return self.last(total * clipped)

    network = randomized(Network())
    images = torch.randn(40, 8, 16, 16, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        linear = network.layer(images)
        network.norm.running_mean.copy_(linear.mean((0, 2, 3)))
        network.norm.running_var.copy_(linear.var((0, 2, 3)))
        normalized = network.norm.eval()(linear)
    found = channel_means(canonical(network.eval(), 1, 8, 16, 16))
    clipped = normalized.clamp(0, 6)
    measured = {"conv2d": normalized, "hardtanh": clipped, "add": normalized + clipped}
    assert {node.name for node in found} == set(measured)
    for node, mean in found.items():
        expected = measured[node.name].mean((0, 2, 3)).double()
        torch.testing.assert_close(mean, expected, atol=0.02, rtol=0.02)


@pytest.mark.parametrize("norm", [nn.BatchNorm2d(6, affine=False), nn.Identity()])
def test_without_scale_and_shift_the_mean_is_zero_and_without_normalization_it_is_unknown(norm):
    network = nn.Sequential(nn.Conv2d(4, 6, 1), norm, nn.Hardswish()).eval()
    found = channel_means(canonical(network, 1, 4, 5, 5))
    assert [mean.tolist() for mean in found.values()] == (
        [] if isinstance(norm, nn.Identity) else [[0.0] * 6]
    )
