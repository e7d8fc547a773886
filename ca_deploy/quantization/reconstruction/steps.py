"""Scale and zero point of each activation, learned (LSQ: Esser et al., 2020; LSQ+: Bhalgat et al., 2020)."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from ca_deploy.quantization.parameters import QuantParams
from ca_deploy.quantization.ranges import Range
from ca_deploy.quantization.simulation import Simulation
from ca_deploy.quantization.simulation.simulation import rounded

_LOWEST, _HIGHEST = -128, 127
_SMALLEST = 0.9
"""Of what a scale was at the start. Below, a network calibrated on photographs gained on photographs and lost
half a decibel on other images, of which a few have the largest activations."""


class Steps:
    """What each activation is rounded to; tensors that share their parameters go on sharing them.

    Attributes:
        scales: logarithm of the scale of each group of tensors.
        zeros: zero point of each group, not yet rounded.

    Args:
        simulation: of the float32 file.
        ranges: of its activations, that learning starts from.
    """

    def __init__(self, simulation: Simulation, ranges: Mapping[int, Range]) -> None:
        fixed = {id(rule.fixed) for rule in simulation.rules if rule is not None}
        self._params = simulation.parameters(ranges)
        learned = {id(one): one for one in self._params.values() if id(one) not in fixed}
        numbers = {key: number for number, key in enumerate(learned)}
        self._groups = {index: numbers[id(one)] for index, one in self._params.items() if id(one) in numbers}
        self.scales = [_parameter(float(one.scale[0])).log().detach() for one in learned.values()]
        self.zeros = [_parameter(float(one.zero_point[0])) for one in learned.values()]
        self._least = [one + math.log(_SMALLEST) for one in self.scales]

    def of(self, tensors: set[int]) -> list[int]:
        """The groups that these tensors belong to."""
        return sorted({self._groups[index] for index in tensors if index in self._groups})

    def hold(self) -> None:
        """Put scales that have become too small back to the least that they may be."""
        with torch.no_grad():
            for scale, least in zip(self.scales, self._least, strict=True):
                scale.clamp_(min=least)

    def store(self, index: int, value: Tensor) -> Tensor:
        """A tensor as int8 holds it, with gradients for values, scale and zero point."""
        group = self._groups.get(index)
        if group is not None:
            scale, zero = self.scales[group].exp(), self.zeros[group]
            # Of torch.ao.quantization's learnable observers, and many times faster than its parts.
            learnable = torch._fake_quantize_learnable_per_tensor_affine
            return learnable(value, scale, zero, _LOWEST, _HIGHEST, 1.0)
        params: QuantParams | None = self._params.get(index)
        return value if params is None else rounded(value, params)

    def ranges(self) -> dict[int, Range]:
        """The range of every learned tensor: what its 256 integers span."""
        found = {}
        for index, group in self._groups.items():
            scale = float(self.scales[group].detach().exp())
            zero = min(max(round(float(self.zeros[group].detach())), _LOWEST), _HIGHEST)
            found[index] = Range(scale * (_LOWEST - zero), scale * (_HIGHEST - zero))
        return found


def _parameter(value: float) -> Tensor:
    return torch.tensor([value], dtype=torch.float32)
