"""Resizing, with TFLite's operators where their sampling positions are exactly ONNX's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from ca_deploy.exporters.tflite.layout import Lowered, Shape, channels_last
from ca_deploy.exporters.tflite.registry import Node, Refused, lowers

Positions = NDArray[Any]

VARIANTS: dict[str, Callable[[int, int], Positions]] = {
    "plain": lambda size, out: np.arange(out) * (size / out),
    "half_pixel_centers": lambda size, out: (np.arange(out) + 0.5) * (size / out) - 0.5,
    "align_corners": lambda size, out: np.arange(out) * ((size - 1) / (out - 1) if out > 1 else 0.0),
}
"""Where TensorFlow's resizing samples an axis, by the option that selects it."""

TRANSFORMATIONS: dict[str, Callable[[NDArray[Any], int, int, float], Positions]] = {
    "half_pixel": lambda x, size, out, scale: (x + 0.5) / scale - 0.5,
    "half_pixel_symmetric": lambda x, size, out, scale: _symmetric(x, size, out, scale),
    "pytorch_half_pixel": lambda x, size, out, scale: (x + 0.5) / scale - 0.5 if out > 1 else x * 0.0,
    "align_corners": lambda x, size, out, scale: x * ((size - 1) / (out - 1)) if out > 1 else x * 0.0,
    "asymmetric": lambda x, size, out, scale: x / scale,
}
"""Where ONNX's Resize samples an axis, by `coordinate_transformation_mode`."""

ROUNDINGS: dict[str, Callable[[Positions], Positions]] = {
    "round_prefer_floor": lambda x: np.ceil(x - 0.5),
    "round_prefer_ceil": lambda x: np.floor(x + 0.5),
    "floor": np.floor,
    "ceil": np.ceil,
}


def _symmetric(x: NDArray[Any], size: int, out: int, scale: float) -> Positions:
    adjustment = out / (scale * size)
    center = size / 2
    return center * (1 - adjustment) + (x + 0.5) / scale - 0.5


@lowers("Resize")
def resize(node: Node) -> Lowered:
    """RESIZE_BILINEAR; RESIZE_NEAREST_NEIGHBOR, or GATHER where its rounding differs from ONNX's."""
    value = node.input(0)
    mode = node.text("mode", "nearest", ("nearest", "linear"))
    for name, default in (("antialias", 0), ("exclude_outside", 0), ("keep_aspect_ratio_policy", "stretch")):
        if node.attributes.get(name, default) != default:
            raise Refused(f"{name}={node.attributes[name]}")
    shape, scales = _target(node, value.shape)
    positions = [_positions(node, *sizes) for sizes in zip(value.shape, shape, scales, strict=True)]
    if shape == value.shape:
        return value
    return (_nearest if mode == "nearest" else _linear)(node, value, shape, positions)


def _target(node: Node, shape: Shape) -> tuple[Shape, list[float]]:
    """Give the shape of the result and the scale of each axis."""
    sizes = None if node.optional(3) is None else node.constant(3, "sizes")
    stated = sizes if sizes is not None else node.constant(2, "scales")
    axes = node.attributes.get("axes") or range(len(shape))
    target, scales = list(shape), [1.0] * len(shape)
    for axis, number in zip(axes, stated.tolist(), strict=True):
        scales[axis] = number / shape[axis] if sizes is not None else number
        target[axis] = int(number) if sizes is not None else int(np.floor(shape[axis] * number))
    return tuple(target), scales


def _positions(node: Node, size: int, out: int, scale: float) -> Positions:
    """Give the positions along one axis that ONNX samples, inside the axis."""
    name = node.text("coordinate_transformation_mode", "half_pixel", tuple(TRANSFORMATIONS))
    return TRANSFORMATIONS[name](np.arange(out), size, out, scale)


def _nearest(node: Node, value: Lowered, shape: Shape, positions: Sequence[Positions]) -> Lowered:
    rounding = ROUNDINGS[node.text("nearest_mode", "round_prefer_floor", tuple(ROUNDINGS))]
    indices = [
        np.clip(rounding(at), 0, size - 1).astype(np.int32)
        for at, size in zip(positions, value.shape, strict=True)
    ]
    option = _variant(value, shape, indices, _nearest_indices)
    if option is not None:
        return _resized(value, shape, tf.compat.v1.image.resize_nearest_neighbor, option)
    tensor = value.tensor
    for position, axis in enumerate(value.order):
        if indices[axis].tolist() != list(range(value.shape[axis])):
            tensor = tf.gather(tensor, indices[axis], axis=position)
    return Lowered(tensor, value.order)


def _linear(node: Node, value: Lowered, shape: Shape, positions: Sequence[Positions]) -> Lowered:
    inside = [np.clip(at, 0, size - 1) for at, size in zip(positions, value.shape, strict=True)]
    option = _variant(value, shape, inside, _linear_positions)
    if option is None:
        mode = node.attributes.get("coordinate_transformation_mode", "half_pixel")
        raise Refused(
            f"linear from {value.shape} to {shape} with {mode}, which RESIZE_BILINEAR cannot sample"
        )
    return _resized(value, shape, tf.compat.v1.image.resize_bilinear, option)


def _nearest_indices(option: str, size: int, out: int) -> Positions:
    """Give what TFLite's RESIZE_NEAREST_NEIGHBOR samples."""
    positions = VARIANTS[option](size, out)
    rounded = np.floor(positions) if option == "plain" else np.floor(positions + 0.5)
    return np.clip(rounded, 0, size - 1)


def _linear_positions(option: str, size: int, out: int) -> Positions:
    """Give where TFLite's RESIZE_BILINEAR samples."""
    return np.clip(VARIANTS[option](size, out), 0, size - 1)


def _variant(
    value: Lowered,
    shape: Shape,
    wanted: Sequence[NDArray[Any]],
    sampled: Callable[[str, int, int], Positions],
) -> str | None:
    """Find the option under which TFLite samples height and width as wanted."""
    if value.rank != 4 or shape[:2] != value.shape[:2]:
        return None
    for option in VARIANTS:
        if all(
            np.allclose(sampled(option, value.shape[axis], shape[axis]), wanted[axis], atol=1e-5)
            for axis in (2, 3)
        ):
            return option
    return None


def _resized(value: Lowered, shape: Shape, function: Callable[..., Any], option: str) -> Lowered:
    options = {} if option == "plain" else {option: True}
    return Lowered(function(value.arranged(channels_last(4)), shape[2:], **options), channels_last(4))
