"""Whether a simulation can stand for its file."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from ca_deploy.quantization.simulation.simulation import Simulation, channels_last
from ca_deploy.runtimes.litert import LiteRT
from ca_deploy.runtimes.sources import one_line

_TOLERANCE = 1e-3
"""Of the largest output. Kernels that sum in another order differ by 1e-5, wrong ones by 1e-1."""


def objection(simulation: Simulation, data: bytes, images: NDArray[np.float32]) -> str | None:
    """Why a simulation cannot stand for its file; None when it computes what LiteRT computes.

    Args:
        simulation: of the float32 file.
        data: that file.
        images: a few images (N, C, H, W), more than one so that none may flow into another.
    """
    if simulation.missing:
        return f"{', '.join(simulation.missing)} cannot be simulated"
    try:
        with torch.inference_mode():
            simulated = [output.numpy() for output in simulation.run(channels_last(images))]
    except (AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
        return f"the network cannot be simulated ({one_line(error)})"
    for ours, theirs in zip(simulated, LiteRT(data).run(images), strict=True):
        if ours.shape != theirs.shape or not np.abs(ours - theirs).max() <= _TOLERANCE * np.abs(theirs).max():
            return "the simulation's outputs are not LiteRT's"
    return None
