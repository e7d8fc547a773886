"""How much the network's outputs depend on each channel of the tensors between its blocks."""

from __future__ import annotations

from collections.abc import Collection

import torch
from torch import Generator, Tensor

from ca_deploy.quantization.simulation import Simulation


def importances(
    simulation: Simulation, images: Tensor, tensors: Collection[int], generator: Generator
) -> dict[int, Tensor]:
    """Mean squared derivative of the outputs by each channel of these tensors, by their index.

    BRECQ (Li et al., ICLR 2021, section 3.3) weighs a block's error by the diagonal of the Fisher
    information. For the squared error of the outputs that is the diagonal of J^T J, estimated without bias
    from J^T v with random signs v (Hutchinson, 1990). It is averaged over images and pixels: a few images say
    little of a single pixel.

    Args:
        simulation: of the float32 file, run without rounding.
        images: (N, H, W, C).
        tensors: what layers or sums write; before its activation function, where one has one.
        generator: of the signs.

    Returns:
        (C) each, with mean 1.
    """
    seen: dict[int, Tensor] = {}

    def note(place: int, linear: Tensor) -> Tensor:
        index = int(simulation.operators[place].outputs[0])
        if index not in tensors:
            return linear
        seen[index] = linear if linear.requires_grad else linear.detach().requires_grad_()
        seen[index].retain_grad()
        return seen[index]

    with torch.enable_grad():
        outputs = [one for one in simulation.run(images, finish=note) if one.requires_grad]
        signs = [torch.randint(0, 2, one.shape, generator=generator) * 2.0 - 1 for one in outputs]
        torch.autograd.backward(outputs, signs)
    found = {}
    for index, value in seen.items():
        assert value.grad is not None
        squares = value.grad.square().flatten(0, -2).mean(0)
        found[index] = squares / squares.mean().clamp_min(torch.finfo(torch.float32).tiny)
    return found
