"""Which way each weight is rounded, learned (AdaRound: Nagel et al., ICML 2020)."""

from __future__ import annotations

import torch
from torch import Tensor

from ca_deploy.quantization.simulation.simulation import weight_scale

_LOW, _HIGH = -0.1, 1.1
"""What the sigmoid is stretched to before it is clipped, so that 0 and 1 are reached (equation 23)."""
_LIMIT = 127
_LARGEST = 126.5
"""In steps. The largest weight of a channel sets its scale and may not move."""


class Rounding:
    """The weights of one layer, each between the two integers that it lies between.

    Attributes:
        logits: what is learned, shaped like the weights; the share of the upper integer is a sigmoid of it.

    Args:
        weights: float32, in the file's layout.
        axis: that their scales run along; None for one scale.
    """

    def __init__(self, weights: Tensor, axis: int | None) -> None:
        self._scale = weight_scale(weights, axis)
        steps = weights / self._scale
        self._fixed = steps.abs() >= _LARGEST
        self._lower = torch.where(self._fixed, steps.round(), steps.floor())
        share = (steps - self._lower).clamp(0.01, 0.99)  # so that every logit can still move
        self.logits = torch.logit((share - _LOW) / (_HIGH - _LOW)).requires_grad_()

    def soft(self) -> Tensor:
        """The weights while they are learned: with gradient."""
        return self._weights(self._share())

    def hard(self) -> Tensor:
        """The weights as int8 holds them, every one rounded."""
        with torch.no_grad():
            return self._weights((self._share() >= 0.5).float())

    def undecided(self, sharpness: float) -> Tensor:
        """Mean of 1 - |2h - 1|^sharpness, h being the upper integer's share of a weight (equation 24)."""
        return 1 - (2 * self._share() - 1).abs().pow(sharpness).mean()

    def _share(self) -> Tensor:
        return (torch.sigmoid(self.logits) * (_HIGH - _LOW) + _LOW).clamp(0, 1)

    def _weights(self, share: Tensor) -> Tensor:
        steps = torch.where(self._fixed, self._lower, self._lower + share)
        return steps.clamp(-_LIMIT, _LIMIT) * self._scale
