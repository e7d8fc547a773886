"""Channels that stay far below their ReLU6's bound, scaled up so that one int8 scale suits all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ca_deploy.quantization.scale_paths import Name, Network, Parameter, undoing_weights

BOUND = 6.0
_MARGIN = 1.5
"""How far beyond the largest value that was seen the bound stays."""
_LARGEST = 2.0
"""A channel that the calibration images hardly use may be another image's most important one."""


def scalable_clips(network: Network[Name]) -> list[Name]:
    """The results of every ReLU6 whose readers can undo a scale per channel."""
    return [result for result, (_, way) in _clips(network).items() if not isinstance(way, str)]


def unscalable_clips(network: Network[Name]) -> dict[Name, str]:
    """The others, and why not."""
    return {result: way for result, (_, way) in _clips(network).items() if isinstance(way, str)}


def scaled_constants(
    network: Network[Name], highs: Mapping[Name, NDArray[np.float64]]
) -> dict[Name, NDArray[np.float32]]:
    """Weights and biases with which the channels of each ReLU6 in `highs` are scaled, and scaled back.

    relu6(s·x) is s·min(relu(x), 6/s), so a scale s > 1 on weights and bias before a ReLU6, with 1/s in the
    weights behind it, changes nothing as long as x stays below 6/s. It is not exact beyond, as cross-layer
    equalization (Nagel et al., ICCV 2019, section 4.1) is for ReLU; s is therefore 6 / (1.5 · the channel's
    largest value on the calibration images and their neighbours), from 1 to 2. Gates in between (x·g) are
    linear in each channel and carry the scale.

    Args:
        network: float32.
        highs: largest value of each channel (C) of `scalable_clips`.
    """
    changed: dict[Name, NDArray[np.float32]] = {}

    def multiply(parameters: Iterable[Parameter[Name]], factor: NDArray[np.float64]) -> None:
        for parameter in parameters:
            values = changed.get(parameter.name)
            values = network.value(parameter.name) if values is None else values
            shape = [1] * values.ndim
            shape[parameter.axis] = -1
            changed[parameter.name] = (values * factor.reshape(shape)).astype(np.float32)

    for result, (learned, undoing) in _clips(network).items():
        if isinstance(undoing, str) or learned is None:
            continue
        used = np.maximum(highs[result], np.finfo(np.float32).tiny)
        scale = np.clip(BOUND / (_MARGIN * used), 1.0, _LARGEST)
        multiply(learned, scale)
        multiply(undoing, 1 / scale)
    return changed


_Found = tuple[tuple[Parameter[Any], Parameter[Any]] | None, set[Parameter[Any]] | str]


def _clips(network: Network[Name]) -> dict[Name, _Found]:
    """Results of ReLU6: its layer's weights and bias, and the weights that undo a scale or why none can."""
    found: dict[Name, _Found] = {}
    for result, operator in network.clips().items():
        learned = network.learned(operator)
        if learned is None or any(len(network.readers(one.name)) != 1 for one in learned):
            found[result] = None, "its weights or bias are computed or shared"
        else:
            found[result] = learned, undoing_weights(network, result)
    return found
