"""Sliding windows of convolutions and pools: from ONNX's explicit padding to TensorFlow's two kinds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from ca_deploy.exporters.tflite.registry import Node, Refused


@dataclass(frozen=True)
class Span:
    """A window along one axis.

    Attributes:
        size: length of the input.
        kernel: number of taps.
        stride: step from one output to the next.
        dilation: distance between taps.
        before: padding in front.
        behind: padding behind, as ONNX states it; windows may read less of it, or more with `ceil_mode`.
        outputs: number of windows.
    """

    size: int
    kernel: int
    stride: int
    dilation: int
    before: int
    behind: int
    outputs: int

    @property
    def after(self) -> int:
        """Padding behind as far as a window reads it."""
        reach = (self.outputs - 1) * self.stride + (self.kernel - 1) * self.dilation + 1
        return max(reach - self.before - self.size, 0)

    @property
    def whole(self) -> bool:
        """Whether one window covers exactly the axis."""
        return self.outputs == 1 and self.kernel == self.size and not self.before + self.after

    @property
    def pointwise(self) -> bool:
        """Whether each window is one element, in order."""
        return self.kernel == 1 and self.outputs == self.size and not self.before

    @property
    def same(self) -> bool:
        """Whether TensorFlow's SAME means this padding.

        SAME gives ceil(size / stride) outputs, pads what they read, and puts the smaller half in front.
        """
        reach = (self.outputs - 1) * self.stride + (self.kernel - 1) * self.dilation + 1
        total = max(reach - self.size, 0)
        return self.outputs == -(-self.size // self.stride) and self.before == total // 2

    def taps(self) -> NDArray[np.int64]:
        """Give the positions that each output reads, (outputs, kernel); padding lies outside 0..size-1."""
        starts = np.arange(self.outputs) * self.stride - self.before
        return starts[:, None] + np.arange(self.kernel) * self.dilation


@dataclass(frozen=True)
class Window:
    """A window over height and width of an NHWC tensor."""

    rows: Span
    columns: Span

    @property
    def spans(self) -> tuple[Span, Span]:
        """Both axes."""
        return self.rows, self.columns

    @property
    def kernel(self) -> tuple[int, int]:
        """Taps in height and width."""
        return self.rows.kernel, self.columns.kernel

    @property
    def strides(self) -> tuple[int, int]:
        """Steps in height and width."""
        return self.rows.stride, self.columns.stride

    @property
    def dilations(self) -> tuple[int, int]:
        """Distances between taps in height and width."""
        return self.rows.dilation, self.columns.dilation

    @property
    def padded(self) -> bool:
        """Whether any window reaches over the border."""
        return any(span.before + span.after for span in self.spans)

    @property
    def padding(self) -> str | None:
        """TensorFlow's name for this padding; None if it has none and the input must be padded explicitly."""
        if not self.padded:
            return "VALID"
        return "SAME" if self.rows.same and self.columns.same else None

    def pad(self, tensor: Any, value: float = 0.0) -> Any:
        """Pad an NHWC tensor as far as windows read."""
        paddings = [(0, 0), *((span.before, span.after) for span in self.spans), (0, 0)]
        return tf.pad(tensor, paddings, constant_values=value) if self.padded else tensor


def window_of(node: Node, size: Sequence[int], kernel: Sequence[int]) -> Window:
    """Read strides, dilations and padding of a two-dimensional convolution or pool."""
    if len(size) != 2:
        raise Refused(f"{len(size)} spatial axes; only 2 are supported")
    return Window(*(_span(node, axis, int(size[axis]), int(kernel[axis])) for axis in range(2)))


def _span(node: Node, axis: int, size: int, kernel: int) -> Span:
    stride = (node.attributes.get("strides") or [1, 1])[axis]
    dilation = (node.attributes.get("dilations") or [1, 1])[axis]
    extent = (kernel - 1) * dilation + 1
    auto = node.text("auto_pad", "NOTSET", ("NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"))
    if auto.startswith("SAME"):
        outputs = -(-size // stride)
        total = max((outputs - 1) * stride + extent - size, 0)
        before = (total + (auto == "SAME_LOWER")) // 2
        return Span(size, kernel, stride, dilation, before, total - before, outputs)
    pads = (node.attributes.get("pads") if auto == "NOTSET" else None) or [0, 0, 0, 0]
    before, behind = pads[axis], pads[axis + 2]
    free = size + before + behind - extent
    outputs = (-(-free // stride) if node.attributes.get("ceil_mode", 0) else free // stride) + 1
    if (outputs - 1) * stride >= size + before:  # ONNX drops a window that would start in the padding behind
        outputs -= 1
    return Span(size, kernel, stride, dilation, before, behind, outputs)
