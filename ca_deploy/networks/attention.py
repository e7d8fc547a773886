"""Attention blocks that MobileNetV2 can carry: each maps (N, C, H, W) to the same shape.

To add one, write its module here and list it in `ATTENTIONS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SE_REDUCTION = 24
"""Reduction of SE and CBAM. The coordinate attention paper compares 24 and 32 and gives both networks 3.89 M
parameters: 24 does that (3,888,208 with SE, 3,889,776 with CBAM), 32 gives 3,793,861 with SE."""

CA_REDUCTION = 32
"""Reduction of coordinate attention; the paper's 3.95 M parameters (3,950,648) are with this one."""

CA_MIN_CHANNELS = 8
"""Coordinate attention never reduces to fewer channels (the published network)."""


def h_swish(x: Tensor) -> Tensor:
    """Hard swish, x · relu6(x + 3) / 6 elementwise (Howard et al., MobileNetV3, ICCV 2019, section 5.2)."""
    return x * (F.relu6(x + 3.0) / 6.0)


class CoordinateAttention(nn.Module):
    """Gates every row and every column of every channel (Hou, Zhou, Feng, CVPR 2021, equations 4 to 8).

    The input is averaged along W to (N, C, H, 1) and along H to (N, C, 1, W). One 1x1 convolution to
    max(8, C // 32) channels, batch normalization and h_swish read both, concatenated along H. One 1x1
    convolution and a sigmoid each make the gates g_h (N, C, H, 1) and g_w (N, C, 1, W); the output is
    x · g_w · g_h.

    `conv2` makes the gate along H and `conv3` the one along W, as in the published checkpoint.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        reduced = max(CA_MIN_CHANNELS, channels // CA_REDUCTION)
        self.conv1 = nn.Conv2d(channels, reduced, 1)
        self.bn1 = nn.BatchNorm2d(reduced)
        self.conv2 = nn.Conv2d(reduced, channels, 1)
        self.conv3 = nn.Conv2d(reduced, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Gate `x`, float (N, C, H, W), and keep its shape."""
        height, width = x.shape[2:]
        rows = x.mean(dim=3, keepdim=True)
        columns = x.mean(dim=2, keepdim=True).transpose(2, 3)
        shared = h_swish(self.bn1(self.conv1(torch.cat([rows, columns], dim=2))))
        rows, columns = torch.split(shared, [height, width], dim=2)
        gate_h = torch.sigmoid(self.conv2(rows))
        gate_w = torch.sigmoid(self.conv3(columns.transpose(2, 3)))
        return x * gate_w * gate_h


class SqueezeExcite(nn.Module):
    """Gates every channel, x · sigmoid(W₂ · relu(W₁ · mean(x))) (Hu, Shen, Sun, CVPR 2018, equations 2 to 4).

    The two fully connected layers, to C // 24 channels and back, are 1x1 convolutions with bias.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.fc1 = nn.Conv2d(channels, channels // SE_REDUCTION, 1)
        self.fc2 = nn.Conv2d(channels // SE_REDUCTION, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Gate `x`, float (N, C, H, W), and keep its shape."""
        squeezed = x.mean(dim=(2, 3), keepdim=True)
        return x * torch.sigmoid(self.fc2(F.relu(self.fc1(squeezed))))


class Cbam(nn.Module):
    """Gates channels, then places (Woo, Park, Lee, Kweon, CBAM, ECCV 2018, equations 1 to 3).

    The gate of channels is sigmoid(MLP(mean) + MLP(max)) over the places, with one MLP to C // 24 channels
    and back, with biases. The gate of places is the sigmoid of a 7x7 convolution, without bias, over the mean
    and the maximum of the channels.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.fc1 = nn.Conv2d(channels, channels // SE_REDUCTION, 1)
        self.fc2 = nn.Conv2d(channels // SE_REDUCTION, channels, 1)
        self.spatial = nn.Conv2d(2, 1, 7, padding=3, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Gate `x`, float (N, C, H, W), and keep its shape."""
        x = x * torch.sigmoid(
            self._mlp(x.mean(dim=(2, 3), keepdim=True)) + self._mlp(x.amax(dim=(2, 3), keepdim=True))
        )
        over_channels = torch.cat([x.mean(dim=1, keepdim=True), x.amax(dim=1, keepdim=True)], dim=1)
        return x * torch.sigmoid(self.spatial(over_channels))

    def _mlp(self, pooled: Tensor) -> Tensor:
        hidden: Tensor = F.relu(self.fc1(pooled))
        excited: Tensor = self.fc2(hidden)
        return excited


ATTENTIONS: Mapping[str, Callable[[int], nn.Module] | None] = {
    "none": None,
    "se": SqueezeExcite,
    "cbam": Cbam,
    "ca": CoordinateAttention,
}
"""Attention by name: what makes the block for a number of channels, or None for no block."""
