"""Errors of a network that is being learned: of one block, and of the whole."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from ca_deploy.quantization.reconstruction.learning import Error, mixed
from ca_deploy.quantization.reconstruction.settings import Settings
from ca_deploy.quantization.reconstruction.variables import Variables
from ca_deploy.quantization.simulation import Simulation

_LEAST = 1e-12
"""What a relative error is relative to where everything is zero."""
_BATCH = 16  # images that pass a block at once when nothing is learned


@dataclass
class Passage:
    """What a block reads and is to write, for all images.

    Attributes:
        source: index of the tensor between the block before and this one.
        exact: its values in the float network (N, ...).
        rounded: in the int8 network, as far as it is learned.
    """

    source: int
    exact: Tensor
    rounded: Tensor

    def part(self, images: slice) -> Passage:
        """The same of some images."""
        return Passage(self.source, self.exact[images], self.rounded[images])

    def error(self, weight: Tensor) -> float:
        """Squared error of the int8 network, weighted by channel."""
        return float((weight * (self.rounded - self.exact).square()).mean())


def advanced(
    variables: Variables, teacher: Simulation, block: range, result: int, passage: Passage
) -> Passage:
    """Both networks run through one block."""
    constants = variables.constants()
    with torch.no_grad():
        exact = _through(teacher, teacher.constants, block, passage.source, result, passage.exact, _as_is)
        rounded = _through(
            variables.simulation,
            constants,
            block,
            passage.source,
            result,
            passage.rounded,
            variables.steps.store,
        )
    return Passage(result, exact, rounded)


def _through(
    simulation: Simulation,
    constants: Mapping[int, Tensor],
    block: range,
    source: int,
    result: int,
    inputs: Tensor,
    store: Callable[[int, Tensor], Tensor],
) -> Tensor:
    parts = []
    for start in range(0, len(inputs), _BATCH):
        values = {**constants, source: inputs[start : start + _BATCH]}
        simulation.advance(values, block, store)
        parts.append(values[result])
    return torch.cat(parts)


def block_error(
    variables: Variables,
    block: range,
    passage: Passage,
    target: Passage,
    weight: Tensor,
    settings: Settings,
    generator: Generator,
) -> Error:
    """The error of what a block writes, weighted by what the outputs make of each channel.

    What it reads is mixed of both networks, and activations inside are rounded at random (QDrop).
    """
    scale = (weight * target.exact.square()).mean().clamp_min(_LEAST)

    def store(index: int, value: Tensor) -> Tensor:
        return mixed(variables.steps.store(index, value), value, settings.dropped, generator)

    def error(constants: Mapping[int, Tensor]) -> Tensor:
        chosen = torch.randint(0, len(passage.exact), (settings.batch,), generator=generator)
        inputs = mixed(passage.rounded[chosen], passage.exact[chosen], settings.dropped, generator)
        values = {**constants, passage.source: inputs}
        variables.simulation.advance(values, block, store)
        return (weight * (values[target.source] - target.exact[chosen]).square()).mean() / scale

    return error


def output_error(variables: Variables, teacher: Simulation, images: Callable[[], Tensor]) -> Error:
    """The error of the network's outputs on images that are drawn anew each time."""
    steps = variables.steps

    def error(constants: Mapping[int, Tensor]) -> Tensor:
        batch = images()
        with torch.no_grad():
            expected = _outputs(teacher, teacher.constants, batch, _as_is)
        found = _outputs(variables.simulation, constants, batch, steps.store)
        return (found - expected).square().sum() / expected.square().sum().clamp_min(_LEAST)

    return error


def _outputs(
    simulation: Simulation,
    constants: Mapping[int, Tensor],
    images: Tensor,
    store: Callable[[int, Tensor], Tensor],
) -> Tensor:
    """All outputs (N, values)."""
    (source,), results = simulation.model.inputs, simulation.model.outputs
    values = {**constants, source: store(source, images)}
    simulation.advance(values, range(len(simulation.operators)), store)
    return torch.cat([values[index].flatten(1) for index in results], dim=1)


def _as_is(index: int, value: Tensor) -> Tensor:
    return value
