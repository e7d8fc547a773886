"""Several images at once: the same operators and constants, tensors of another first size."""

from __future__ import annotations

import numpy as np

from ca_deploy.errors import UserError
from ca_deploy.quantization.tflite_model import TFLiteModel
from ca_deploy.runtimes.litert import shapes_at


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
    model = TFLiteModel(_reshaping(data, images))
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


def _reshaping(data: bytes, images: int) -> bytes:
    """The file with RESHAPEs to (1, ...) that make (images, ...) instead, and nothing unused."""
    model = TFLiteModel(data)
    for operator in model.operators:
        if model.kind(operator) != "RESHAPE" or model.shape(int(operator.inputs[0]))[:1] != [1]:
            continue
        index = int(operator.inputs[1])
        shape = model.constant(index)
        if shape is not None and shape.size and shape[0] == 1:
            model.set_constant(index, np.array([images, *shape[1:]], shape.dtype))
    return model.dump()
