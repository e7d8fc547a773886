"""What batch normalization says about the mean of each channel, without any image."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.fx import GraphModule, Node

from ca_deploy.passes.clips import clip

_aten = torch.ops.aten
_KEY = "ca_deploy.normalized"
_SMALLEST = 1e-12
"""In place of a deviation of zero, which some trained channels have."""


@dataclass(frozen=True)
class Normal:
    """A channel's distribution as batch normalization leaves it: mean beta, standard deviation |gamma|.

    Attributes:
        mean: of each channel (C).
        deviation: of each channel (C).
    """

    mean: Tensor
    deviation: Tensor


def mark_normalized(node: Node, normal: Normal) -> None:
    """Remember on a node what its channels were normalized to; a pass that rebuilds it drops that."""
    node.meta[_KEY] = normal


def channel_means(graph: GraphModule) -> dict[Node, Tensor]:
    """Mean of each channel (C), float64, of every (N, C) or NCHW value that batch normalization determines.

    Those are layers that it was folded into, clips of them (ReLU6), and sums of either. Everything else, such
    as products with gates, has none.

    The source is Nagel et al., ICCV 2019, section 4.2.1 and appendix C: what batch normalization gives is
    taken as normally distributed, and clipped.
    """
    means: dict[Node, Tensor] = {}
    for node in graph.graph.nodes:
        mean = _mean(node, means)
        if mean is not None and node.meta["val"].dim() in (2, 4):
            means[node] = mean
    return means


def _mean(node: Node, means: Mapping[Node, Tensor]) -> Tensor | None:
    normal = node.meta.get(_KEY)
    if isinstance(normal, Normal):
        return normal.mean.double()
    clipped = clip(node)
    if clipped is not None:
        before = clipped.source.meta.get(_KEY)
        return clipped_mean(before, clipped.low, clipped.high) if isinstance(before, Normal) else None
    if node.target is _aten.add.Tensor and len(node.args) == 2 and not node.kwargs:
        first, second = (means.get(term) if isinstance(term, Node) else None for term in node.args)
        if first is not None and second is not None:
            return first + second
    return None


def clipped_mean(normal: Normal, low: float, high: float) -> Tensor:
    """Mean of min(max(x, low), high) for normal x, float64 (C); bounds may be infinite.

    low * P(x < low) + high * P(x > high), and in between the mean of the truncated normal distribution times
    its probability (Nagel et al., ICCV 2019, appendix C).
    """
    mean, deviation = normal.mean.double(), normal.deviation.double().clamp_min(_SMALLEST)
    below, above = (low - mean) / deviation, (high - mean) / deviation
    inside = _probability(above) - _probability(below)
    result = mean * inside + deviation * (_density(below) - _density(above))
    if math.isfinite(low):
        result += low * _probability(below)
    if math.isfinite(high):
        result += high * _probability(-above)
    return result


def _density(x: Tensor) -> Tensor:
    """Of the standard normal distribution."""
    return torch.exp(-0.5 * x**2) / math.sqrt(2 * math.pi)


def _probability(x: Tensor) -> Tensor:
    """That a standard normal value is below."""
    probability: Tensor = torch.special.ndtr(x)
    return probability
