"""Transposed convolutions: the full result of TRANSPOSE_CONV, cropped to what ONNX asks for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from ca_deploy.exporters.tflite.layout import Lowered, channels_last
from ca_deploy.exporters.tflite.ops.convolution import biased
from ca_deploy.exporters.tflite.registry import Node, Refused, lowers


@dataclass(frozen=True)
class _Side:
    """One spatial axis.

    Attributes:
        size: length of the input.
        kernel: extent of the kernel.
        stride: step between the places where the kernel is added.
        front: elements that ONNX's padding cuts off in front.
        out: length of the result.
    """

    size: int
    kernel: int
    stride: int
    front: int
    out: int

    @property
    def full(self) -> int:
        """Length before cropping."""
        return max((self.size - 1) * self.stride + self.kernel, self.front + self.out)

    @property
    def same(self) -> bool:
        """Whether TensorFlow's SAME crops like this: to size x stride, the smaller half in front."""
        cropped = max((self.size - 1) * self.stride + self.kernel - self.out, 0)
        return self.out == self.size * self.stride and self.front == cropped // 2


@lowers("ConvTranspose")
def conv_transpose(node: Node) -> Lowered:
    """TRANSPOSE_CONV, one for each group; SLICE behind where SAME and VALID do not fit."""
    value, weights = node.input(0), node.constant(1, "weights")
    if value.rank != 4:
        raise Refused(f"{value.rank - 2} spatial axes; only 2 are supported")
    weights = _dilated(weights, node.attributes.get("dilations") or [1, 1])
    rows, columns = (_side(node, axis, value.shape[2 + axis], weights.shape[2 + axis]) for axis in range(2))
    same = rows.same and columns.same
    shape = (rows.out, columns.out) if same else (rows.full, columns.full)
    groups = int(node.attributes.get("group", 1))
    tensor = value.arranged(channels_last(4))
    parts = [
        tf.nn.conv2d_transpose(
            part,
            np.ascontiguousarray(kernel.transpose(2, 3, 1, 0)),  # IOHW to HWOI
            (value.shape[0], *shape, kernel.shape[1]),
            (rows.stride, columns.stride),
            "SAME" if same else "VALID",
        )
        for part, kernel in zip(_parts(tensor, groups), np.split(weights, groups), strict=True)
    ]
    result = biased(node, parts[0] if groups == 1 else tf.concat(parts, 3))
    if shape != (rows.out, columns.out):
        result = tf.slice(result, (0, rows.front, columns.front, 0), (-1, rows.out, columns.out, -1))
    return Lowered(result, channels_last(4))


def _parts(tensor: Any, groups: int) -> list[Any]:
    return [tensor] if groups == 1 else list(tf.split(tensor, groups, 3))


def _side(node: Node, axis: int, size: int, kernel: int) -> _Side:
    """Read the padding of one axis as the definition of ConvTranspose says."""
    stride, extra = (
        (node.attributes.get(name) or default)[axis]
        for name, default in (("strides", [1, 1]), ("output_padding", [0, 0]))
    )
    auto = node.text("auto_pad", "NOTSET", ("NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"))
    stated = node.attributes.get("output_shape")
    if stated or auto.startswith("SAME"):
        out = stated[-2:][axis] if stated else size * stride
        cropped = (size - 1) * stride + extra + kernel - out
        front = cropped // 2 if auto == "SAME_UPPER" else cropped - cropped // 2
    else:
        pads = node.attributes.get("pads") or [0, 0, 0, 0]
        front, out = pads[axis], (size - 1) * stride + extra + kernel - pads[axis] - pads[axis + 2]
    if front < 0 or front + out >= size * stride + kernel:
        raise Refused(
            f"an output of {out} from an input of {size} by a kernel of {kernel} and stride {stride}"
        )
    return _Side(size, kernel, stride, front, out)


def _dilated(weights: NDArray[Any], dilations: list[int]) -> NDArray[Any]:
    """Spread the taps of a kernel and put zeros between them; TRANSPOSE_CONV knows no dilation."""
    extents = ((taps - 1) * step + 1 for taps, step in zip(weights.shape[2:], dilations, strict=True))
    spread = np.zeros((*weights.shape[:2], *extents), weights.dtype)
    spread[:, :, :: dilations[0], :: dilations[1]] = weights
    return spread
