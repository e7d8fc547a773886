"""How much the network's outputs depend on each channel of the tensors between its blocks."""

from __future__ import annotations

from collections.abc import Collection

import torch
from torch import Generator, Tensor

from ca_deploy.quantization.simulation import Simulation


def importances(
    simulation: Simulation, images: Tensor, places: Collection[int], generator: Generator
) -> dict[int, Tensor]:
    """Mean squared derivative of the outputs by each channel of what these operators write, by place.

    BRECQ (Li et al., ICLR 2021, section 3.3) weighs a block's error by the diagonal of the Fisher
    information. For the squared error of the outputs that is the diagonal of J^T J, estimated without bias
    from J^T v with random signs v (Hutchinson, 1990). It is averaged over images and pixels: a few images say
    little of a single pixel.

    Args:
        simulation: of the float32 file, run without rounding.
        images: (N, H, W, C).
        places: operators without a fused activation function.
        generator: of the signs.

    Returns:
        (C) each, with mean 1.
    """
    seen: dict[int, Tensor] = {}

    def note(place: int, linear: Tensor) -> Tensor:
        if place in places:
            seen[place] = linear if linear.requires_grad else linear.detach().requires_grad_()
            seen[place].retain_grad()
            return seen[place]
        return linear

    with torch.enable_grad():
        outputs = simulation.run(images, finish=note)
        signs = [torch.randint(0, 2, one.shape, generator=generator) * 2.0 - 1 for one in outputs]
        torch.autograd.backward(list(outputs), signs)
    found = {}
    for place, value in seen.items():
        assert value.grad is not None
        squares = value.grad.square().flatten(0, -2).mean(0)
        found[place] = squares / squares.mean().clamp_min(torch.finfo(torch.float32).tiny)
    return found
