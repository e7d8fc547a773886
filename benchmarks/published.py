"""Coordinate attention as people have it: the layers of the code that its authors published, in its order.

`ca_deploy.networks` writes the same block with means, which a converter finds easier; rivals get this one.
Ours takes it with `ca-deploy export --model benchmarks.published:build`.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ca_deploy.networks import MobileNetV2
from ca_deploy.networks.attention import CoordinateAttention


class PublishedCoordinateAttention(nn.Module):
    """Adaptive pools, permutations and h_swish by hand (Hou, Zhou, Feng, CVPR 2021, and their `CoordAtt`).

    Their MobileNetV2 also expands both gates to (N, C, H, W), which changes no value. It is left out here,
    to the favour of converters that would compute it.
    """

    def __init__(self, block: CoordinateAttention) -> None:
        """Take the layers of `block`, under the same names."""
        super().__init__()
        self.pool_h = nn.AdaptiveAvgPool2d((None, 1))
        self.pool_w = nn.AdaptiveAvgPool2d((1, None))
        self.conv1, self.bn1, self.conv2, self.conv3 = block.conv1, block.bn1, block.conv2, block.conv3

    def forward(self, x: Tensor) -> Tensor:
        """Gate `x`, float (N, C, H, W), and keep its shape."""
        height, width = x.shape[2:]
        pooled = torch.cat([self.pool_h(x), self.pool_w(x).permute(0, 1, 3, 2)], dim=2)
        shared = self.bn1(self.conv1(pooled))
        shared = shared * (F.relu6(shared + 3) / 6)
        rows, columns = torch.split(shared, [height, width], dim=2)
        gate_h = self.conv2(rows).sigmoid()
        gate_w = self.conv3(columns.permute(0, 1, 3, 2)).sigmoid()
        return x * gate_w * gate_h


def as_published(network: nn.Module) -> nn.Module:
    """Replace every coordinate attention block of `network`, in place; its weights and their names stay."""
    for parent in list(network.modules()):
        for name, block in parent.named_children():
            if isinstance(block, CoordinateAttention):
                setattr(parent, name, PublishedCoordinateAttention(block).train(block.training))
    return network


def build() -> nn.Module:
    """The network of the comparison, without weights."""
    return as_published(MobileNetV2())
