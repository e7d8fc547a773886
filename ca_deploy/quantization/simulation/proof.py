"""Whether a simulation can stand for its file, and how far it is from the kernels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from ca_deploy.metrics import sqnr_db
from ca_deploy.quantization.ranges import Range
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


def distance_db(
    simulation: Simulation, ranges: Mapping[int, Range], written: bytes, images: NDArray[np.float32]
) -> float:
    """SQNR in dB of the simulated outputs, with the int8 file's on LiteRT with XNNPACK as the reference.

    A simulation rounds where the kernels round, but sums in float32; a step here and there adds up.

    Args:
        simulation: of the float32 file that `written` was made from.
        ranges: of its activations.
        written: the int8 file.
        images: calibration images (N, C, H, W).
    """
    constants, stored = simulation.rounded_constants(ranges), simulation.parameters(ranges)
    with torch.inference_mode():
        simulated = simulation.run(channels_last(images), constants, stored)
    return sqnr_db(outputs_of(written, images), _flat([one.numpy() for one in simulated]))


def outputs_of(data: bytes, images: NDArray[np.float32]) -> NDArray[np.float32]:
    """All outputs of a .tflite on LiteRT with XNNPACK (N, values) for images (N, C, H, W)."""
    return _flat(LiteRT(data).run(images))


def _flat(outputs: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    return np.concatenate([one.reshape(len(one), -1) for one in outputs], axis=1)
