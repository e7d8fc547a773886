"""ReLU6 channels of a .tflite, scaled."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray

from ca_deploy.quantization.clip_scaling import scalable_clips, scaled_constants, unscalable_clips
from ca_deploy.quantization.ranges import measure_highs
from ca_deploy.quantization.scale_paths import Parameter
from ca_deploy.quantization.simulation.operators import fused_activation
from ca_deploy.quantization.tflite_model import TFLiteModel

_CONVOLUTIONS = ("CONV_2D", "DEPTHWISE_CONV_2D")
_LAYERS = (*_CONVOLUTIONS, "FULLY_CONNECTED")
_UNFUSED = schema.ActivationFunctionType.NONE

Batches = Callable[[], Iterable[NDArray[np.float32]]]


def scaled_clips(data: bytes, batches: Batches, threads: int) -> bytes:
    """Scale the channels of every ReLU6 whose readers can undo it; see `scaled_constants`.

    Args:
        data: a float32 .tflite.
        batches: gives the calibration images (N, 3, H, W) anew with every call.
        threads: how many images run at the same time.
    """
    network = _Operators(TFLiteModel(data))
    found = scalable_clips(network)
    if not found:
        return data
    highs = measure_highs(data, found, batches(), threads)
    for index, values in scaled_constants(network, highs).items():
        network.model.set_constant(index, values)
    return network.model.dump()


def unscaled_clips(data: bytes) -> tuple[str, ...]:
    """What `scaled_clips` leaves alone in a float32 .tflite, and why, one line each."""
    model = TFLiteModel(data)
    return tuple(f"{model.name(index)}: {why}" for index, why in unscalable_clips(_Operators(model)).items())


class _Operators:
    """A .tflite as a `scale_paths.Network`: tensors by index, channels on the last axis."""

    def __init__(self, model: TFLiteModel) -> None:
        self.model = model
        self._readers: dict[int, list[tuple[Any, int]]] = {}
        for operator in model.operators:
            for place, index in enumerate(map(int, operator.inputs)):
                self._readers.setdefault(index, []).append((operator, place))

    def clips(self) -> Mapping[int, Any]:
        return {
            int(operator.outputs[0]): operator
            for operator in self.model.operators
            if self.model.kind(operator) in _CONVOLUTIONS
            and len(operator.inputs) > 2
            and fused_activation(operator) == schema.ActivationFunctionType.RELU6
        }

    def outputs(self) -> Collection[int]:
        return self.model.outputs

    def channels(self, tensor: int) -> int:
        return self.model.shape(tensor)[-1]

    def readers(self, tensor: int) -> Sequence[tuple[Any, int]]:
        return self._readers.get(tensor, ())

    def read(self, operator: Any) -> int:
        return int(operator.inputs[0])

    def kind(self, operator: Any) -> str:
        return self.model.kind(operator)

    def learned(self, operator: Any) -> tuple[Parameter[int], Parameter[int]] | None:
        weights, bias = (int(index) for index in operator.inputs[1:3])
        if any(index < 0 or self.model.constant(index) is None for index in (weights, bias)):
            return None
        axis = 3 if self.kind(operator) == "DEPTHWISE_CONV_2D" else 0
        return Parameter(weights, axis), Parameter(bias, 0)

    def undoing(self, operator: Any, channels: int) -> Parameter[int] | None:
        if self.kind(operator) not in _LAYERS:
            return None
        index = int(operator.inputs[1])
        weights = self.model.constant(index)
        if weights is None or weights.shape[-1] != channels:
            return None
        return Parameter(index, weights.ndim - 1)

    def carried(self, operator: Any, place: int, channels: int, carriers: Collection[int]) -> int | None:
        result = int(operator.outputs[0])
        shapes = [self.model.shape(index) for index in (int(operator.inputs[place]), result)]
        if fused_activation(operator) != _UNFUSED or any(shape[-1:] != [channels] for shape in shapes):
            return None
        return result if self._scales(operator, place, len(shapes[0]), carriers) else None

    def value(self, name: int) -> NDArray[np.float32]:
        values = self.model.constant(name)
        assert values is not None  # as `learned` and `undoing` made sure
        return values

    def _scales(self, operator: Any, place: int, rank: int, carriers: Collection[int]) -> bool:
        """Whether an operator scales its result's channels as its input's are."""
        kind = self.kind(operator)
        if kind == "MUL":
            return int(operator.inputs[1 - place]) not in carriers
        if kind == "MEAN":
            axes = self.model.constant(int(operator.inputs[1]))
            return axes is not None and all(int(axis) % rank != rank - 1 for axis in axes.reshape(-1))
        if kind == "PAD":
            amounts = self.model.constant(int(operator.inputs[1]))
            return amounts is not None and not amounts[-1].any()
        return kind == "RESHAPE" and place == 0
