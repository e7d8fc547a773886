"""Learn a part of a network so that it gives in int8 what it gives in float."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import torch
from torch import Generator, Tensor

from ca_deploy.quantization.reconstruction.rounding import Rounding
from ca_deploy.quantization.reconstruction.settings import Settings
from ca_deploy.quantization.reconstruction.variables import Variables

_UNDECIDED = 0.2
"""Share of the rounds in which roundings are free, before they have to decide (AdaRound, section 5)."""
_SHARPNESS = 8.0, 2.0  # of `Rounding.undecided`, from then to the end

Error = Callable[[Mapping[int, Tensor]], Tensor]
"""Relative squared error of a batch of the caller's choice, with these constants."""


def learn(
    variables: Variables,
    places: range,
    roundings: Mapping[int, Rounding],
    error: Error,
    rounds: range,
    total: int,
    settings: Settings,
    go_on: Callable[[], bool],
) -> int:
    """Learn the biases and steps of some operators, and how their weights are rounded.

    Args:
        variables: the network's; biases and steps of `places` change.
        places: the operators.
        roundings: of their weights, by tensor index; none leaves the weights as they are.
        error: what to make small; 0 is perfect.
        rounds: which of all rounds to do; rates fall to nothing at the last.
        total: all rounds.
        settings: rates.
        go_on: asked before every round.

    Returns:
        How many rounds were done.
    """
    rates = _parameters(variables, places, roundings, settings)
    optimizer = torch.optim.Adam([{"params": found, "lr": rate} for found, rate in rates])
    first, count = 0.0, 0
    with torch.enable_grad():
        for number in rounds:
            if not go_on():
                break
            done = number / total
            for group, (_, rate) in zip(optimizer.param_groups, rates, strict=True):
                group["lr"] = rate * 0.5 * (1 + math.cos(math.pi * done))
            soft = {index: one.soft() for index, one in roundings.items()}
            loss = error(variables.constants(soft))
            first = first or loss.item()
            if roundings and done >= _UNDECIDED:
                loss = loss + settings.decisiveness * first * _undecided(roundings, done)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]  # PyTorch's
            optimizer.step()
            variables.steps.hold()
            count += 1
    for found, _ in rates:
        for one in found:
            one.requires_grad = False
    return count


def _parameters(
    variables: Variables, places: range, roundings: Mapping[int, Rounding], settings: Settings
) -> list[tuple[list[Tensor], float]]:
    """What is learned, ready for it, with learning rates."""
    operators = [variables.simulation.operators[place] for place in places]
    tensors = {int(index) for one in operators for index in (*one.inputs, *one.outputs)}
    groups, steps = variables.steps.of(tensors), variables.steps
    rates = [
        ([one.logits for one in roundings.values()], settings.rounding_rate),
        ([variables.shifts[bias] for bias in variables.biases(places)], settings.bias_rate),
        ([steps.scales[group] for group in groups], settings.scale_rate),
        ([steps.zeros[group] for group in groups], settings.zero_rate),
    ]
    for found, _ in rates:
        for one in found:
            one.requires_grad_()
    return [(found, rate) for found, rate in rates if found]


def _undecided(roundings: Mapping[int, Rounding], done: float) -> Tensor:
    """How far the roundings are from being decided, which counts the more the further learning is."""
    early, late = _SHARPNESS
    sharpness = late + (early - late) * 0.5 * (1 + math.cos(math.pi * (done - _UNDECIDED) / (1 - _UNDECIDED)))
    return torch.stack([one.undecided(sharpness) for one in roundings.values()]).mean()


def mixed(rounded: Tensor, exact: Tensor, dropped: float, generator: Generator) -> Tensor:
    """Rounded values, of which a random share is left exact."""
    return torch.where(torch.rand(exact.shape, generator=generator) < dropped, exact, rounded)
