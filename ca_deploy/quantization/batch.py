"""Several images at once: the same operators and constants, tensors of another first size."""

from __future__ import annotations

import numpy as np

from ca_deploy.errors import UserError
from ca_deploy.quantization.tflite_model import TFLiteModel
from ca_deploy.runtimes.litert import shapes_at

_SIZED = {"RESHAPE": (0, 1), "SLICE": (0, 2), "BROADCAST_TO": (0, 1), "TRANSPOSE_CONV": (2, 0)}
"""Operators that state the size of their result: places of what they read, and of the size."""


def with_batch(data: bytes, images: int) -> bytes:
    """Let a .tflite that takes one image take several.

    The sizes are those that LiteRT gives its tensors when it resizes the input, so that the file computes
    what an app gets by `ResizeInputTensor`, with static shapes.

    Args:
        data: a .tflite with one input, (1, ...).
        images: how many it shall take.

    Raises:
        UserError: when an operator cannot take more than one.
    """
    if images == 1:
        return data
    model = TFLiteModel(_resized(data, images))
    try:
        shapes = shapes_at(model.dump(), images)
    except ValueError as error:
        raise UserError(
            f"--batch {images}: the network cannot take several images at once ({error}); leave --batch out"
        ) from error
    for index in range(len(model.tensors)):
        if model.constant(index) is None:
            model.set_shape(index, shapes[index])
    return model.dump()


def _resized(data: bytes, images: int) -> bytes:
    """The file with operators that state sizes of (images, ...) in place of (1, ...), and nothing unused."""
    model = TFLiteModel(data)
    for operator in model.operators:
        source, stated = _SIZED.get(model.kind(operator), (0, -1))
        if stated < 0 or model.shape(int(operator.inputs[source]))[:1] != [1]:
            continue
        index = int(operator.inputs[stated])
        shape = model.constant(index)
        if shape is not None and shape.size and shape[0] == 1:
            model.set_constant(index, np.array([images, *shape[1:]], shape.dtype))
            result = int(operator.outputs[0])
            model.set_shape(result, [images, *model.shape(result)[1:]])  # SLICE compares the two
    return model.dump()
