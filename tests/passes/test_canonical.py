"""Canonical graphs of attention blocks and of whole networks."""

from __future__ import annotations

from collections import Counter

import pytest
import torch
import torch.nn.functional as F
from pass_support import assert_shapes_hold, canonical, capture, example, operators, randomized
from torch import Tensor, nn

from ca_deploy.networks import Architecture, untrained_network
from ca_deploy.networks.attention import Cbam, CoordinateAttention, SqueezeExcite
from ca_deploy.passes import CANONICAL, run_passes

CA_OPERATORS = [
    *("mean", "mean", "reshape", "cat", "conv2d", "hardswish", "split_with_sizes"),
    *("conv2d", "sigmoid", "reshape", "conv2d", "sigmoid", "mul", "mul"),
]


class PublishedCoordinateAttention(nn.Module):
    """Coordinate attention as its authors' code spells it: pools, permutations, expand, h_swish by hand."""

    def __init__(self, channels: int):
        super().__init__()
        self.pool_h, self.pool_w = nn.AdaptiveAvgPool2d((None, 1)), nn.AdaptiveAvgPool2d((1, None))
        self.conv1, self.bn1 = nn.Conv2d(channels, 8, 1), nn.BatchNorm2d(8)
        self.conv_h, self.conv_w = nn.Conv2d(8, channels, 1), nn.Conv2d(8, channels, 1)
        self.clip = nn.ReLU6(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        _, _, height, width = x.size()
        y = torch.cat([self.pool_h(x), self.pool_w(x).permute(0, 1, 3, 2)], dim=2)
        y = self.bn1(self.conv1(y))
        y = y * (self.clip(y + 3) / 6)
        rows, columns = torch.split(y, [height, width], dim=2)
        gate_h = self.conv_h(rows).sigmoid()
        gate_w = self.conv_w(columns.permute(0, 1, 3, 2)).sigmoid()
        return x * gate_w.expand(-1, -1, height, width) * gate_h.expand_as(x)


class LinearSqueezeExcite(nn.Module):
    """Squeeze and excitation as MobileNetV3 spells it: linear layers on a flat mean, h_sigmoid, a view."""

    def __init__(self, channels: int):
        super().__init__()
        self.pool, self.one, self.other = (
            nn.AdaptiveAvgPool2d(1),
            nn.Linear(channels, 4),
            nn.Linear(4, channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        batch, channels, _, _ = x.size()
        gate = F.relu6(self.other(F.relu(self.one(self.pool(x).view(batch, channels)))) + 3) / 6
        return x * gate.view(batch, channels, 1, 1).expand_as(x)


@pytest.mark.parametrize("block", [PublishedCoordinateAttention(16), CoordinateAttention(16)])
def test_coordinate_attention(block):
    found = operators(canonical(randomized(block), 1, 16, 6, 4))
    assert sorted(found) == sorted(CA_OPERATORS)
    assert found[:7] == CA_OPERATORS[:7]


def test_squeeze_excite():
    found = operators(canonical(SqueezeExcite(48), 1, 48, 6, 4))
    assert found == ["mean", "conv2d", "relu", "conv2d", "sigmoid", "mul"]


def test_linear_squeeze_excite():
    found = operators(canonical(LinearSqueezeExcite(16), 1, 16, 6, 4))
    assert found == ["mean", "reshape", "linear", "relu", "linear", "hardsigmoid", "reshape", "mul"]


def test_cbam():
    found = operators(canonical(Cbam(48), 1, 48, 6, 4))
    assert found == [
        *("mean", "conv2d", "relu", "conv2d", "amax", "conv2d", "relu", "conv2d", "add", "sigmoid", "mul"),
        *("mean", "amax", "cat", "conv2d", "sigmoid", "mul"),
    ]


@pytest.mark.parametrize("attention", ["none", "ca"])
def test_whole_networks(attention):
    images = example(4, 3, 32, 32)
    network = untrained_network(Architecture(attention, 0.35, 10), images, seed=0)
    result = run_passes(capture(network, images[:1]), CANONICAL, [images[:1], torch.rand(1, 3, 32, 32)])
    counted = Counter(operators(result.graph))
    blocks = 16 if attention == "ca" else 0
    assert counted["conv2d"] == 52 + 3 * blocks
    assert counted["hardswish"] == counted["cat"] == counted["split_with_sizes"] == blocks
    assert counted["sigmoid"] == counted["mul"] == 2 * blocks
    assert counted["hardtanh"] == 35
    assert not counted.keys() & {
        "batch_norm",
        "permute",
        "transpose",
        "expand",
        "dropout",
        "adaptive_avg_pool2d",
    }
    assert max(record.error for record in result.records) < 1e-12
    assert not any(record.refusals for record in result.records)
    assert_shapes_hold(result.graph, images[:1])
