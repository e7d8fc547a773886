"""Small networks as passed graphs, for the tests of their quantization."""

import torch
from torch import nn
from torch.nn import functional as F

from ca_deploy.passes import CANONICAL, capture, run_passes


class Gated(nn.Module):
    """A convolution with ReLU6, gated by a pooled branch with h_swish, and a classifier."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.first, self.squeeze, self.excite = (
            nn.Conv2d(3, 16, 3, padding=1),
            nn.Conv2d(16, 8, 1),
            nn.Conv2d(8, 16, 1),
        )
        self.classifier = nn.Linear(16, 5)

    def forward(self, x):
        return self.gated(F.relu6(self.first(x) + 1))

    def gated(self, x):
        gate = torch.sigmoid(self.excite(F.hardswish(self.squeeze(x.mean(3, keepdim=True)))))
        return self.classifier((x * gate).mean((2, 3)))


def graph_of(module):
    example = torch.randn((1, 3, 8, 8), generator=torch.Generator().manual_seed(0))
    return run_passes(capture(module, example), CANONICAL, [example]).graph
