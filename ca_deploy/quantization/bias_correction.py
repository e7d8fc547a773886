"""Biases that make up for what rounding does to each channel's mean."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ca_deploy.quantization.calibration_set import ImageSet
from ca_deploy.quantization.parameters import QuantParams
from ca_deploy.quantization.ranges import Range
from ca_deploy.quantization.simulation import Simulation
from ca_deploy.quantization.simulation.simulation import channels_last, rounded
from ca_deploy.runtimes.torch_threads import torch_threads

_IMAGES = 128
"""Enough for the means of channels; all of them are in memory at once."""
_LARGE, _LARGE_IMAGES = 128 * 128, 64
"""Pixels of a large image, whose channels have more values each; 128 of 224 pixels took 4 GB."""
_TRIES = 3
"""A clipped channel's mean moves by less than its bias; the remainder is gone after a few corrections."""


def images_for_biases(images: ImageSet) -> NDArray[np.float32]:
    """As many of the calibration images, (N, 3, H, W), as the means of channels need."""
    large = images.pixels[0].size // 3 > _LARGE
    return images.first(_LARGE_IMAGES if large else _IMAGES)


def corrected_biases(
    simulation: Simulation, ranges: Mapping[int, Range], images: NDArray[np.float32]
) -> dict[int, NDArray[np.float32]]:
    """Biases with which every layer's int8 output has, channel by channel, the mean of its float32 output.

    Empirical bias correction (Nagel et al., ICCV 2019, section 4.2): layer by layer in execution order, each
    on inputs that are rounded and already corrected. Correcting all layers at once by their measured errors
    would count each error again in every layer behind it, and diverges. A bias that several layers read is
    corrected for the first.

    Args:
        simulation: of the float32 file.
        ranges: of its activations.
        images: calibration images (N, C, H, W); all their tensors of one layer are in memory at once.

    Returns:
        Values by the tensor index of each bias.
    """
    biases = {place: bias for place, (_, bias) in simulation.weighted().items()}
    stored = simulation.parameters(ranges)
    inputs = channels_last(images)
    with torch.inference_mode(), torch_threads(1):
        means = _float_means(simulation, inputs, set(biases))
        constants = simulation.rounded_constants(ranges)
        shifts: dict[int, Tensor] = {}

        def correct(place: int, linear: Tensor) -> Tensor:
            bias = biases.get(place)
            if bias is None:
                return linear
            if bias not in shifts:
                params = stored[int(simulation.operators[place].outputs[0])]
                shifts[bias] = _shift(simulation, place, linear, params, means[place])
            return linear + shifts[bias]

        simulation.run(inputs, constants, stored, correct)
    return {bias: (simulation.constants[bias] + shift).numpy() for bias, shift in shifts.items()}


def _float_means(simulation: Simulation, images: Tensor, places: set[int]) -> dict[int, Tensor]:
    """Mean of each channel of the outputs of these operators, activation function included."""
    means: dict[int, Tensor] = {}

    def note(place: int, linear: Tensor) -> Tensor:
        if place in places:
            means[place] = _channel_means(simulation.activated(place, linear))
        return linear

    simulation.run(images, finish=note)
    return means


def matching_shift(wanted: Tensor, reached: Callable[[Tensor], Tensor]) -> Tensor:
    """What to add to each channel so that its mean is the wanted one.

    Args:
        wanted: the mean of each channel (C).
        reached: gives the mean of each channel (C), activated and rounded, for a float32 shift (C).
    """
    shift = torch.zeros_like(wanted, dtype=torch.float32)
    for _ in range(_TRIES):
        shift = shift + (wanted - reached(shift)).float()
    return shift


def _shift(simulation: Simulation, place: int, linear: Tensor, params: QuantParams, wanted: Tensor) -> Tensor:
    """What to add to each channel of `linear` so that it has the wanted mean once activated and rounded."""

    def reached(shift: Tensor) -> Tensor:
        return _channel_means(rounded(simulation.activated(place, linear + shift), params))

    return matching_shift(wanted, reached)


def _channel_means(values: Tensor) -> Tensor:
    return values.flatten(0, -2).mean(0, dtype=torch.float64)
