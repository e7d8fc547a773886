"""Where a scale per channel goes behind a layer: what carries it along, and which layers undo it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ai_edge_litert import schema_py_generated as schema

from ca_deploy.quantization.simulation.operators import fused_activation
from ca_deploy.quantization.tflite_model import TFLiteModel

LAYERS = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")
_UNFUSED = schema.ActivationFunctionType.NONE


@dataclass(frozen=True)
class Readers:
    """Who reads each tensor of a model: (operator, place among its inputs) by tensor index."""

    model: TFLiteModel
    by_tensor: dict[int, list[tuple[Any, int]]]

    @classmethod
    def of(cls, model: TFLiteModel) -> Readers:
        """Look through all operators."""
        found: dict[int, list[tuple[Any, int]]] = {}
        for operator in model.operators:
            for place, index in enumerate(map(int, operator.inputs)):
                found.setdefault(index, []).append((operator, place))
        return cls(model, found)

    def alone(self, index: int) -> bool:
        """Whether a tensor is read once."""
        return len(self.by_tensor.get(index, ())) == 1


def undoing_weights(readers: Readers, source: int) -> set[int] | str:
    """Weights that undo a scale per channel (the last axis) of a tensor, or the reason why none can.

    A product with a gate, a mean over pixels and zero padding carry the scale; layers that read it undo it.

    Args:
        readers: of the model.
        source: the tensor that is to be scaled.
    """
    model = readers.model
    channels = model.shape(source)[-1]
    carriers, waiting, undoing = {source}, [source], set[int]()
    while waiting:
        index = waiting.pop()
        if index in model.outputs:
            return "the network's caller reads it"
        for operator, place in readers.by_tensor.get(index, []):
            if place == 0 and _undoes(model, operator, channels):
                undoing.add(int(operator.inputs[1]))
            elif _carries(model, operator, place, channels, carriers):
                result = int(operator.outputs[0])
                waiting += [] if result in carriers else [result]
                carriers.add(result)
            else:
                return f"{model.kind(operator)} reads it"
    for weights in undoing:
        if not all(int(reader.inputs[0]) in carriers for reader, _ in readers.by_tensor[weights]):
            return "a layer that reads it shares its weights with another"
    return undoing


def _undoes(model: TFLiteModel, operator: Any, channels: int) -> bool:
    """Whether an operator is a layer with constant weights that reads every channel by weights of its own."""
    if model.kind(operator) not in LAYERS:
        return False
    weights = model.constant(int(operator.inputs[1]))
    return weights is not None and weights.shape[-1] == channels


def _carries(model: TFLiteModel, operator: Any, place: int, channels: int, carriers: set[int]) -> bool:
    """Whether the result is scaled as the input at `place` is."""
    kind = model.kind(operator)
    shapes = [model.shape(int(index)) for index in (operator.inputs[place], operator.outputs[0])]
    if fused_activation(operator) != _UNFUSED or any(shape[-1:] != [channels] for shape in shapes):
        return False
    if kind == "MUL":
        return int(operator.inputs[1 - place]) not in carriers
    if kind == "MEAN":
        axes = model.constant(int(operator.inputs[1]))
        rank = len(shapes[0])
        return axes is not None and all(int(axis) % rank != rank - 1 for axis in axes.reshape(-1))
    if kind == "PAD":
        amounts = model.constant(int(operator.inputs[1]))
        return amounts is not None and not amounts[-1].any()
    return kind == "RESHAPE" and place == 0
