"""Where a scale per channel goes behind a layer: what carries it along, and which layers undo it."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

Name = TypeVar("Name", bound=Hashable)
"""What a representation calls its tensors and constants: an index of a .tflite, a node of a PyTorch graph."""


@dataclass(frozen=True)
class Parameter(Generic[Name]):
    """A layer's constant, and the axis along which a factor per channel goes into it."""

    name: Name
    axis: int


class Network(Protocol[Name]):
    """What is asked of a graph, whatever represents it. Operators are its own objects."""

    def clips(self) -> Mapping[Name, Any]:
        """The results of ReLU6 behind a convolution: what computes each."""

    def outputs(self) -> Collection[Name]:
        """What the network's caller reads."""

    def channels(self, tensor: Name) -> int:
        """How many channels a tensor has."""

    def readers(self, tensor: Name) -> Sequence[tuple[Any, int]]:
        """Operators that read a tensor or constant, and the place among their inputs."""

    def read(self, operator: Any) -> Name:
        """The first of an operator's inputs."""

    def kind(self, operator: Any) -> str:
        """What an operator is called."""

    def learned(self, operator: Any) -> tuple[Parameter[Name], Parameter[Name]] | None:
        """Weights and bias of a layer, along its output channels; None where one is missing or computed."""

    def undoing(self, operator: Any, channels: int) -> Parameter[Name] | None:
        """Constant weights along the input channels, where each has weights of its own; or None."""

    def carried(self, operator: Any, place: int, channels: int, carriers: Collection[Name]) -> Name | None:
        """The result, where it is scaled as the input at `place` is, the other inputs not in `carriers`."""

    def value(self, name: Name) -> NDArray[np.float32]:
        """A constant."""


def undoing_weights(network: Network[Name], source: Name) -> set[Parameter[Name]] | str:
    """Weights that undo a scale per channel of a tensor, or the reason why none can.

    A product with a gate, a mean over pixels and zero padding carry the scale; layers that read it undo it.

    Args:
        network: that the tensor belongs to.
        source: the tensor that is to be scaled.
    """
    channels = network.channels(source)
    carriers, waiting, undoing = {source}, [source], set[Parameter[Name]]()
    while waiting:
        tensor = waiting.pop()
        if tensor in network.outputs():
            return "the network's caller reads it"
        for operator, place in network.readers(tensor):
            weights = network.undoing(operator, channels) if place == 0 else None
            result = network.carried(operator, place, channels, carriers)
            if weights is not None:
                undoing.add(weights)
            elif result is not None:
                waiting += [] if result in carriers else [result]
                carriers.add(result)
            else:
                return f"{network.kind(operator)} reads it"
    for weights in undoing:
        if not all(network.read(reader) in carriers for reader, _ in network.readers(weights.name)):
            return "a layer that reads it shares its weights with another"
    return undoing
