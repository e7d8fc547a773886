"""What each operator's rounding costs the logits."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ca_deploy.metrics import sqnr_db
from ca_deploy.progress import Progress
from ca_deploy.quantization.parameters import QuantParams
from ca_deploy.quantization.ranges import Range
from ca_deploy.quantization.simulation import Simulation
from ca_deploy.quantization.simulation.simulation import channels_last
from ca_deploy.runtimes.torch_threads import torch_threads

IMAGES = 16
"""All of them run twice per operator."""


@dataclass(frozen=True)
class Sensitivity:
    """What one operator's int8 costs, in a simulation.

    Attributes:
        place: the operator's index in the float32 file.
        name: of the tensor that it writes.
        kind: TFLite's name of the operator.
        alone_db: SQNR of the outputs when only this operator's weights and result are int8.
        share: of the sum of all operators' errors alone, as power, from 0 to 1.
        gain_db: what SQNR gains when this one alone stays float. The rounding behind it then falls otherwise,
            so that on a few images this is uncertain by up to a decibel; `share` is not.
    """

    place: int
    name: str
    kind: str
    alone_db: float
    share: float
    gain_db: float


def sensitivities(
    data: bytes,
    ranges: Mapping[int, Range],
    images: NDArray[np.float32],
    progress: Progress,
    keep_float: Collection[int] = (),
) -> list[Sensitivity]:
    """Round one operator at a time, and all but one, in a simulation of the int8 file.

    Operators that only move values (reshapes, concatenations) round nothing themselves and are left out.

    Args:
        data: the float32 file, with the biases that it has: they are corrected once it is known what is int8.
        ranges: of its activations.
        images: a few calibration images (N, C, H, W).
        progress: shows the operators done.
        keep_float: places that stay float anyway.

    Returns:
        The largest share first.
    """
    simulation = Simulation(data, keep_float=keep_float)
    places = [
        place for place, rule in enumerate(simulation.rules) if rule is not None and rule.scale != "same"
    ]
    inputs = channels_last(images)
    stored, rounded = simulation.parameters(ranges), simulation.rounded_constants(ranges)
    float32 = simulation.constants

    def logits(constants: Mapping[int, Tensor], params: Mapping[int, QuantParams]) -> NDArray[np.float32]:
        outputs = simulation.run(inputs, constants, params)
        return np.concatenate([output.reshape(len(images), -1).numpy() for output in outputs], axis=1)

    found = []
    with torch_threads(1), torch.inference_mode():
        expected = logits(float32, {})
        everything = sqnr_db(expected, logits(rounded, stored))
        for place in progress.track(places, len(places), "operators"):
            operator = simulation.operators[place]
            results = {int(index) for index in operator.outputs}
            own = {int(index) for index in operator.inputs if int(index) in float32}
            alone = logits(
                float32 | {index: rounded[index] for index in own},
                {index: params for index, params in stored.items() if index in results},
            )
            kept = logits(
                rounded | {index: float32[index] for index in own},
                {index: params for index, params in stored.items() if index not in results},
            )
            (result,) = sorted(results)[:1]
            found.append(
                Sensitivity(
                    place,
                    simulation.model.name(result),
                    simulation.model.kind(operator),
                    sqnr_db(expected, alone),
                    0.0,
                    sqnr_db(expected, kept) - everything,
                )
            )
    return _with_shares(found)


def _with_shares(found: Sequence[Sensitivity]) -> list[Sensitivity]:
    """Errors of single operators nearly add up as powers: each one's share of the sum, the largest first."""
    powers = [10 ** (-one.alone_db / 10) for one in found]
    total = sum(powers) or 1.0
    shared = [replace(one, share=power / total) for one, power in zip(found, powers, strict=True)]
    return sorted(shared, key=lambda one: -one.share)
