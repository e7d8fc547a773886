"""Channels that stay far below their ReLU6's bound, scaled up so that one int8 scale suits all."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray

from ca_deploy.quantization.ranges import measure_highs
from ca_deploy.quantization.scale_paths import Readers, undoing_weights
from ca_deploy.quantization.simulation.operators import fused_activation
from ca_deploy.quantization.tflite_model import TFLiteModel

_BOUND = 6.0
_MARGIN = 1.5
"""How far beyond the largest value that was seen the bound stays."""
_LARGEST = 2.0
"""A channel that the calibration images hardly use may be another image's most important one."""
_CONVOLUTIONS = ("CONV_2D", "DEPTHWISE_CONV_2D")

Batches = Callable[[], Iterable[NDArray[np.float32]]]


def scaled_clips(data: bytes, batches: Batches, threads: int) -> bytes:
    """Scale the channels of every ReLU6 whose readers can undo it.

    relu6(s·x) is s·min(relu(x), 6/s), so a scale s > 1 on weights and bias before a ReLU6, with 1/s in the
    weights behind it, changes nothing as long as x stays below 6/s. It is not exact beyond, as cross-layer
    equalization (Nagel et al., ICCV 2019, section 4.1) is for ReLU; s is therefore 6 / (1.5 · the channel's
    largest value on the calibration images and their neighbours), from 1 to 2. Gates in between (x·g) are
    linear in each channel and carry the scale.

    Args:
        data: a float32 .tflite.
        batches: gives the calibration images (N, 3, H, W) anew with every call.
        threads: how many images run at the same time.
    """
    model = TFLiteModel(data)
    clips = _clips(model)
    found = {index: (operator, way) for index, (operator, way) in clips.items() if not isinstance(way, str)}
    if not found:
        return data
    highs = measure_highs(data, list(found), batches(), threads)
    changed: dict[int, NDArray[np.float32]] = {}

    def multiply(index: int, factor: NDArray[np.float64], axis: int) -> None:
        values = changed.get(index, model.constant(index))
        assert values is not None  # see `_clips`
        shape = [1] * values.ndim
        shape[axis] = -1
        changed[index] = (values * factor.reshape(shape)).astype(np.float32)

    for index, (operator, undoing) in found.items():
        used = np.maximum(highs[index], np.finfo(np.float32).tiny)
        scale = np.clip(_BOUND / (_MARGIN * used), 1.0, _LARGEST)
        multiply(int(operator.inputs[1]), scale, 3 if model.kind(operator) == "DEPTHWISE_CONV_2D" else 0)
        multiply(int(operator.inputs[2]), scale, 0)
        for weights in sorted(undoing):
            multiply(weights, 1 / scale, -1)
    for index, values in changed.items():
        model.set_constant(index, values)
    return model.dump()


def unscaled_clips(data: bytes) -> tuple[str, ...]:
    """What `scaled_clips` leaves alone in a float32 .tflite, and why, one line each."""
    model = TFLiteModel(data)
    found = _clips(model).items()
    return tuple(f"{model.name(index)}: {reason}" for index, (_, reason) in found if isinstance(reason, str))


def _clips(model: TFLiteModel) -> dict[int, tuple[Any, set[int] | str]]:
    """Outputs of convolutions with ReLU6: the operator, and the weights that undo a scale or why none can."""
    readers, found = Readers.of(model), {}
    for operator in model.operators:
        if model.kind(operator) not in _CONVOLUTIONS or len(operator.inputs) < 3:
            continue
        learned = [int(index) for index in operator.inputs[1:3]]
        own = all(
            index >= 0 and model.constant(index) is not None and readers.alone(index) for index in learned
        )
        if fused_activation(operator) == schema.ActivationFunctionType.RELU6:
            result = int(operator.outputs[0])
            undoing = (
                undoing_weights(readers, result) if own else "its weights or bias are computed or shared"
            )
            found[result] = operator, undoing
    return found
