"""MobileNetV2 (Sandler et al., CVPR 2018) with an attention block in every expanding inverted residual.

Module names are the keys of the published coordinate attention checkpoint.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from torch import Tensor, nn

from ca_deploy.networks.attention import ATTENTIONS

STEM_CHANNELS = 32
LAST_CHANNELS = 1280
DROPOUT = 0.1  # the coordinate attention paper's training; no part of inference

STAGES = (
    # expansion, channels at width 1.0, blocks, stride of the first (table 2 of the MobileNetV2 paper)
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)


@dataclass(frozen=True)
class Architecture:
    """What distinguishes one MobileNetV2 from another.

    Attributes:
        attention: a name in `ca_deploy.networks.attention.ATTENTIONS`.
        width: multiplier of all channel counts, greater than 0.
        classes: number of logits.
    """

    attention: str = "ca"
    width: float = 1.0
    classes: int = 1000

    def __str__(self) -> str:
        return f"attention {self.attention}, width {self.width:g}, {self.classes} classes"


def rounded_channels(channels: float) -> int:
    """The nearest multiple of 8, at least 8, and never less than 90 % of `channels` (MobileNet's rule)."""
    rounded = max(8, int(channels + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * channels else rounded


def channel_counts(width: float) -> tuple[int, ...]:
    """Output channels of the stem, of each of the 17 inverted residuals, and of the last 1x1 convolution.

    The last one grows with widths above 1 only.
    """
    blocks = (channels for _, channels, repeats, _ in STAGES for _ in range(repeats))
    scaled = (rounded_channels(channels * width) for channels in (STEM_CHANNELS, *blocks))
    return (*scaled, rounded_channels(LAST_CHANNELS * max(1.0, width)))


class InvertedResidual(nn.Module):
    """Expansion (1x1), depthwise 3x3, attention, linear projection (1x1); the input is added if shapes agree.

    `conv` is one sequence, so that an expanding block is numbered as in the published checkpoint: {0, 1}
    expansion, {3, 4} depthwise, 6 attention, {7, 8} projection. A block without expansion has no attention.
    """

    def __init__(
        self, channels_in: int, channels_out: int, stride: int, expansion: int, attention: str
    ) -> None:
        super().__init__()
        hidden = channels_in * expansion
        layers: list[nn.Module] = []
        if expansion > 1:
            layers += _convolution(channels_in, hidden, kernel=1)
        layers += _convolution(hidden, hidden, kernel=3, stride=stride, groups=hidden)
        make_attention = ATTENTIONS[attention]
        if expansion > 1 and make_attention is not None:
            layers.append(make_attention(hidden))
        layers += [nn.Conv2d(hidden, channels_out, 1, bias=False), nn.BatchNorm2d(channels_out)]
        self.conv = nn.Sequential(*layers)
        self.adds_input = stride == 1 and channels_in == channels_out

    def forward(self, x: Tensor) -> Tensor:
        """Map float (N, C, H, W) to (N, C', H/stride, W/stride), rounded up."""
        y: Tensor = self.conv(x)
        return x + y if self.adds_input else y


class MobileNetV2(nn.Module):
    """MobileNetV2 with attention between depthwise convolution and projection of its expanding blocks.

    At width 1.0 with 1,000 classes: 3,504,872 parameters without attention, 3,888,208 with SE, 3,889,776 with
    CBAM and 3,950,648 with coordinate attention; the paper gives 3.5, 3.89, 3.89 and 3.95 M.

    Args:
        attention: "none", "se", "cbam" or "ca".
        width: multiplier of all channel counts, greater than 0; the last 1x1 convolution has at least 1280.
        classes: number of logits.
    """

    def __init__(self, attention: str = "ca", width: float = 1.0, classes: int = 1000) -> None:
        super().__init__()
        stem, *blocks, last = channel_counts(width)
        self.features = nn.Sequential(
            nn.Sequential(*_convolution(3, stem, kernel=3, stride=2)),
            *_inverted_residuals(stem, blocks, attention),
        )
        self.conv = nn.Sequential(*_convolution(blocks[-1], last, kernel=1))
        self.classifier = nn.Sequential(nn.Dropout(DROPOUT), nn.Linear(last, classes))
        self.apply(_initialize)

    def forward(self, images: Tensor) -> Tensor:
        """Classify normalized RGB images, float (N, 3, H, W).

        Returns:
            Logits, float (N, classes).
        """
        x: Tensor = self.conv(self.features(images))
        logits: Tensor = self.classifier(x.mean(dim=(2, 3)))
        return logits


def _inverted_residuals(channels_in: int, blocks: list[int], attention: str) -> Iterator[InvertedResidual]:
    outputs = iter(blocks)
    for expansion, _, repeats, first_stride in STAGES:
        for repeat in range(repeats):
            channels_out = next(outputs)
            stride = first_stride if repeat == 0 else 1
            yield InvertedResidual(channels_in, channels_out, stride, expansion, attention)
            channels_in = channels_out


def _convolution(
    channels_in: int, channels_out: int, kernel: int, stride: int = 1, groups: int = 1
) -> list[nn.Module]:
    padding = kernel // 2
    return [
        nn.Conv2d(channels_in, channels_out, kernel, stride, padding, groups=groups, bias=False),
        nn.BatchNorm2d(channels_out),
        nn.ReLU6(),
    ]


def _initialize(module: nn.Module) -> None:
    """He's initialization by outputs (He et al., ICCV 2015), and small classifier weights."""
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
    elif isinstance(module, nn.Linear):
        nn.init.normal_(module.weight, std=0.01)
    if isinstance(module, nn.Conv2d | nn.Linear) and module.bias is not None:
        nn.init.zeros_(module.bias)
