"""The operators of XNNPACK's conditions, each as a probe that takes its form as arguments.

All work on a small NHWC image; see `probes` for what a probe is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from math import prod
from typing import Any

from ca_deploy.verify.xnnpack.probes import IMAGE, Probe, one_operator, weighted

# Makes a probe of one operator in the form that its arguments ask for.
ProbeMaker = Callable[..., Probe]

VECTOR = (1, 16)
_POOLED = (1, 1, 1, 16)
_BORDER, _BORDERED = [[0, 0], [1, 1], [1, 1], [0, 0]], (1, 10, 10, 16)


def elementwise(operator: str, table: str = "", shape: Sequence[int] = IMAGE, **details: Any) -> Probe:
    """An operator over two computed tensors of one shape."""
    return one_operator(operator, table, inputs=(shape, shape), outputs=(shape,), **details)


def convolution(**details: Any) -> Probe:
    """A 3x3 CONV_2D."""
    form: dict[str, Any] = {"weights": (8, 3, 3, 16), "output": (1, 8, 8, 8), "strideW": 1, "strideH": 1}
    return weighted("CONV_2D", "Conv2D", **(form | details))


def depthwise(**details: Any) -> Probe:
    """A 3x3 DEPTHWISE_CONV_2D."""
    form: dict[str, Any] = {
        "weights": (1, 3, 3, 16),
        "output": IMAGE,
        "strideW": 1,
        "strideH": 1,
        "depthMultiplier": 1,
    }
    return weighted("DEPTHWISE_CONV_2D", "DepthwiseConv2D", **(form | details))


def fully_connected(**details: Any) -> Probe:
    """A FULLY_CONNECTED of 16 to 8 values."""
    form: dict[str, Any] = {"image": VECTOR, "weights": (8, 16), "output": (1, 8)}
    return weighted("FULLY_CONNECTED", "FullyConnected", **(form | details))


def transpose_convolution(**details: Any) -> Probe:
    """A 2x2 TRANSPOSE_CONV of stride 2."""
    form: dict[str, Any] = {
        "weights": (8, 2, 2, 16),
        "output": (1, 16, 16, 8),
        "padding": 1,
        "strideW": 2,
        "strideH": 2,
    }
    return weighted("TRANSPOSE_CONV", "TransposeConv", size_first=True, **(form | details))


def prelu() -> Probe:
    """A PRELU with a slope for each channel."""
    return weighted("PRELU", "", weights=(1, 1, 16), output=IMAGE, bias=False)


def softmax() -> Probe:
    """A SOFTMAX, whose int8 output has the scale 1/256 and the zero point -128 that TFLite asks for."""
    return one_operator(
        "SOFTMAX", "Softmax", inputs=(VECTOR,), outputs=(VECTOR,), probabilities=True, beta=1.0
    )


def matrix_product(symmetric: bool) -> Probe:
    """A BATCH_MATMUL of two computed matrices, the second with the zero point 0 or an ordinary one."""
    left, right, output = (1, 8, 16), (1, 16, 8), (1, 8, 8)
    if not symmetric:
        return one_operator("BATCH_MATMUL", "BatchMatMul", inputs=(left, right), outputs=(output,))
    return weighted(
        "BATCH_MATMUL",
        "BatchMatMul",
        image=left,
        weights=right,
        output=output,
        bias=False,
        computed="weights",
    )


def pool(operator: str, stride: int = 2, size: int = 2, **details: Any) -> Probe:
    """A 2D pool of sizexsize pixels."""
    rows = (IMAGE[1] - size) // stride + 1  # padding VALID, which is 1
    windows = {"filterWidth": size, "filterHeight": size, "strideW": stride, "strideH": stride, "padding": 1}
    return one_operator(operator, "Pool2D", outputs=((1, rows, rows, 16),), **(windows | details))


def reduction(operator: str, *axes: int) -> Probe:
    """A MEAN, SUM or REDUCE_… over axes, which stay with one element."""
    output = tuple(1 if axis in axes else n for axis, n in enumerate(IMAGE))
    return one_operator(operator, "Reducer", outputs=(output,), constants=(axes,), keepDims=True)


def concatenation(parts: int) -> Probe:
    """A CONCATENATION of channels."""
    joined = (1, 8, 8, 16 * parts)
    return one_operator("CONCATENATION", "Concatenation", inputs=(IMAGE,) * parts, outputs=(joined,), axis=3)


def split(parts: int) -> Probe:
    """A SPLIT of the channels into equal parts."""
    whole, part = (1, 8, 8, 4 * parts), (1, 8, 8, 4)
    return one_operator(
        "SPLIT",
        "Split",
        inputs=(whole,),
        outputs=(part,) * parts,
        constants=(3,),
        constants_first=True,
        numSplits=parts,
    )


def split_v() -> Probe:
    """A SPLIT_V into unequal parts."""
    parts = ((1, 8, 8, 4), (1, 8, 8, 12))
    return one_operator("SPLIT_V", "SplitV", outputs=parts, constants=([4, 12], 3), numSplits=2)


def strided_slice(rows: int, step: int = 1, drop_axis: bool = False) -> Probe:
    """A STRIDED_SLICE of the first rows, or of the first row without its axis."""
    output = (1, 8, 16) if drop_axis else (1, rows // step, 8, 16)
    constants = ([0, 0, 0, 0], [1, rows, 8, 16], [1, step, 1, 1])
    return one_operator(
        "STRIDED_SLICE",
        "StridedSlice",
        outputs=(output,),
        constants=constants,
        shrinkAxisMask=0b0010 if drop_axis else 0,
    )


def reshape(shape: Sequence[int] = IMAGE, **details: Any) -> Probe:
    """A RESHAPE to one row."""
    row = (1, prod(shape))
    return one_operator("RESHAPE", "Reshape", inputs=(shape,), outputs=(row,), constants=(row,), **details)


def squeeze() -> Probe:
    """A SQUEEZE of both image axes."""
    return one_operator("SQUEEZE", "Squeeze", inputs=(_POOLED,), outputs=(VECTOR,), squeezeDims=[1, 2])


def expand_dims() -> Probe:
    """An EXPAND_DIMS of a vector."""
    return one_operator("EXPAND_DIMS", "ExpandDims", inputs=(VECTOR,), outputs=((1, 1, 16),), constants=(1,))


def resize_nearest() -> Probe:
    """A RESIZE_NEAREST_NEIGHBOR to twice the size."""
    return one_operator(
        "RESIZE_NEAREST_NEIGHBOR", "ResizeNearestNeighbor", outputs=((1, 16, 16, 16),), constants=([16, 16],)
    )


def gather() -> Probe:
    """A GATHER of every second row."""
    return one_operator("GATHER", "Gather", outputs=((1, 4, 8, 16),), constants=([0, 2, 4, 6],), axis=1)


def pack() -> Probe:
    """A PACK of two vectors."""
    return one_operator("PACK", "Pack", inputs=(VECTOR, VECTOR), outputs=((1, 2, 16),), axis=1, valuesCount=2)


def unpack() -> Probe:
    """An UNPACK into two vectors."""
    return one_operator("UNPACK", "Unpack", inputs=((1, 2, 16),), outputs=(VECTOR, VECTOR), axis=1, num=2)


def tile() -> Probe:
    """A TILE to twice the rows."""
    return one_operator("TILE", "Tile", outputs=((1, 16, 8, 16),), constants=([1, 2, 1, 1],))


def mirror_pad() -> Probe:
    """A MIRROR_PAD by one pixel."""
    return one_operator("MIRROR_PAD", "MirrorPad", outputs=(_BORDERED,), constants=(_BORDER,))


def space_to_batch() -> Probe:
    """A SPACE_TO_BATCH_ND of blocks of 2x2."""
    constants = ([2, 2], [[0, 0], [0, 0]])
    return one_operator("SPACE_TO_BATCH_ND", "SpaceToBatchND", outputs=((4, 4, 4, 16),), constants=constants)


def reverse() -> Probe:
    """A REVERSE_V2 of the rows."""
    return one_operator("REVERSE_V2", "ReverseV2", constants=([1],))


# Operators that share a condition, each by its name in the file.
WITH_ACTIVATION: dict[str, ProbeMaker] = {
    "ADD": partial(elementwise, "ADD", "Add"),
    "SUB": partial(elementwise, "SUB", "Sub"),
    "MUL": partial(elementwise, "MUL", "Mul"),
    "CONV_2D": convolution,
    "DEPTHWISE_CONV_2D": depthwise,
    "MAX_POOL_2D": partial(pool, "MAX_POOL_2D"),
}
WITH_WEIGHTS: dict[str, ProbeMaker] = {
    "CONV_2D": convolution,
    "DEPTHWISE_CONV_2D": depthwise,
    "FULLY_CONNECTED": fully_connected,
}
OF_ANY_RANK: dict[str, ProbeMaker] = {
    "ADD": partial(elementwise, "ADD", "Add"),
    "SUB": partial(elementwise, "SUB", "Sub"),
    "MUL": partial(elementwise, "MUL", "Mul"),
    "RESHAPE": reshape,
}
WITH_CHANNEL_SCALES: dict[str, ProbeMaker] = {
    "FULLY_CONNECTED": fully_connected,
    "TRANSPOSE_CONV": transpose_convolution,
}
