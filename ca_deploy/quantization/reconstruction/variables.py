"""What reconstruction learns of a network: rounding of weights, biases, and the steps of activations."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import torch
from torch import Tensor

from ca_deploy.quantization.ranges import Range
from ca_deploy.quantization.reconstruction.rounding import Rounding
from ca_deploy.quantization.reconstruction.steps import Steps
from ca_deploy.quantization.simulation import Simulation


class Variables:
    """Weights, biases and steps of one int8 network while they are learned.

    Attributes:
        simulation: of the float32 file with corrected biases.
        steps: of its activations.
        shifts: what is added to each bias, in steps of the activation that its layer writes.

    Args:
        simulation: of that file.
        ranges: of its activations.
    """

    def __init__(self, simulation: Simulation, ranges: Mapping[int, Range]) -> None:
        self.simulation = simulation
        self.steps = Steps(simulation, ranges)
        self._constants = simulation.rounded_constants(ranges)
        self._stored = simulation.parameters(ranges)
        self._layers = simulation.weighted()
        self._owners = {weights: place for place, (weights, _) in reversed(self._layers.items())}
        self._units = {bias: self._unit(place) for place, (_, bias) in self._layers.items()}
        self.shifts = {bias: torch.zeros_like(simulation.constants[bias]) for bias in self._units}

    def roundings(self, places: Collection[int]) -> dict[int, Rounding]:
        """New variables for the weights of these operators, by tensor index.

        Weights that several operators read belong to the first.
        """
        found = {}
        for weights, place in self._owners.items():
            if place in places:
                rule = self.simulation.rules[place]
                assert rule is not None  # of a layer with weights
                found[weights] = Rounding(self.simulation.constants[weights], rule.axis)
        return found

    def biases(self, places: Collection[int]) -> list[int]:
        """Tensor indices of the biases of these operators."""
        return sorted({bias for place, (_, bias) in self._layers.items() if place in places})

    def constants(self, soft: Mapping[int, Tensor] | None = None) -> dict[int, Tensor]:
        """All constants as int8 holds them, weights that are being learned as given, biases with gradient."""
        shifted = {
            bias: self._constants[bias] + shift * self._units[bias] for bias, shift in self.shifts.items()
        }
        return self._constants | shifted | dict(soft or {})

    def settle(self, weights: Mapping[int, Tensor]) -> None:
        """Take rounded weights as they are from now on."""
        self._constants |= weights

    def state(self) -> dict[str, Any]:
        """Everything learned so far, to be restored or saved."""
        learned = {index for layer in self._layers.values() for index in layer}
        return {
            "weights": {index: self._constants[index] for index in learned},
            "shifts": {index: one.detach().clone() for index, one in self.shifts.items()},
            "scales": [one.detach().clone() for one in self.steps.scales],
            "zeros": [one.detach().clone() for one in self.steps.zeros],
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go back, or on, to an earlier state."""
        self._constants |= state["weights"]
        for mine, theirs in (
            (list(self.shifts.values()), [state["shifts"][index] for index in self.shifts]),
            (self.steps.scales, state["scales"]),
            (self.steps.zeros, state["zeros"]),
        ):
            for one, other in zip(mine, theirs, strict=True):
                one.detach().copy_(other)

    def learned(self) -> tuple[dict[int, Tensor], dict[int, Range]]:
        """Weights on their grids and biases by tensor index, and the ranges of activations."""
        with torch.no_grad():
            constants = self.constants()
        indices = {index for layer in self._layers.values() for index in layer}
        return {index: constants[index].detach() for index in sorted(indices)}, self.steps.ranges()

    def _unit(self, place: int) -> float:
        """One step of what a layer writes, which is a natural unit of its bias."""
        return float(self._stored[int(self.simulation.operators[place].outputs[0])].scale[0])
