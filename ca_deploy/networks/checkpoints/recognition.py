"""Which architecture the tensors of a checkpoint belong to, and how far they fit it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from torch import Size, Tensor

from ca_deploy.networks.attention import ATTENTIONS
from ca_deploy.networks.checkpoints.differences import Differences, differences
from ca_deploy.networks.checkpoints.entries import is_counter
from ca_deploy.networks.checkpoints.layouts import LAYOUTS, Layout
from ca_deploy.networks.checkpoints.width import nearest_width
from ca_deploy.networks.mobilenet_v2 import Architecture, MobileNetV2, channel_counts

FIRST_ATTENTION = "features.2.conv.6."  # what follows the depthwise convolution of the first expanding block
BLOCKS = len(channel_counts(1.0)) - 2


@dataclass(frozen=True, eq=False)
class Reading:
    """A checkpoint read in one layout.

    Attributes:
        layout: the layout.
        architecture: what fits the tensors best in this layout.
        tensors: the tensors under the keys of `MobileNetV2`.
        differences: what keeps them from being loaded; empty when they fit.
    """

    layout: Layout
    architecture: Architecture
    tensors: Mapping[str, Tensor]
    differences: Differences


def best_reading(tensors: Mapping[str, Tensor]) -> Reading:
    """Read the tensors in every layout and return the reading with the fewest differences."""
    return min((_read(layout, tensors) for layout in LAYOUTS), key=lambda reading: len(reading.differences))


def _read(layout: Layout, tensors: Mapping[str, Tensor]) -> Reading:
    translated = layout.translate(tensors)
    architecture = Architecture(
        attention=_nearest_attention(translated),
        width=nearest_width(_observed_channels(translated)),
        classes=max(1, _size(translated, "classifier.1.weight", 0)),
    )
    return Reading(layout, architecture, translated, differences(translated, _shapes(architecture)))


def _nearest_attention(tensors: Mapping[str, Tensor]) -> str:
    """The attention whose parameter names are nearest to those behind the first depthwise convolution."""
    found = {key.removeprefix(FIRST_ATTENTION) for key in tensors if key.startswith(FIRST_ATTENTION)}
    return min(ATTENTIONS, key=lambda attention: len(found ^ _parameter_names(attention)))


@lru_cache
def _parameter_names(attention: str) -> frozenset[str]:
    make_attention = ATTENTIONS[attention]
    if make_attention is None:
        return frozenset({"weight"})  # the projection itself
    return frozenset(key for key in make_attention(64).state_dict() if not is_counter(key))


def _observed_channels(tensors: Mapping[str, Tensor]) -> tuple[int, ...]:
    """Channel counts in the order of `channel_counts`, 0 where the tensor is missing.

    A block's output is read from what consumes it, because those keys are the same with every attention.
    """
    expansions = (f"features.{block}.conv.0.weight" for block in range(2, BLOCKS + 1))
    return (
        _size(tensors, "features.0.0.weight", 0),
        *(_size(tensors, expansion, 1) for expansion in expansions),
        _size(tensors, "conv.0.weight", 1),
        _size(tensors, "conv.0.weight", 0),
    )


def _size(tensors: Mapping[str, Tensor], key: str, axis: int) -> int:
    return tensors[key].shape[axis] if key in tensors and tensors[key].ndim > axis else 0


@lru_cache(maxsize=8)
def _shapes(architecture: Architecture) -> Mapping[str, Size]:
    network = MobileNetV2(architecture.attention, architecture.width, architecture.classes)
    return {key: tensor.shape for key, tensor in network.state_dict().items() if not is_counter(key)}
