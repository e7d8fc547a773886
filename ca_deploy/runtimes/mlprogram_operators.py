"""What MIL operators compute, in float32 PyTorch.

Apple's definitions are in coremltools.converters.mil.mil.ops.defs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

Inputs = Mapping[str, Any]
"""An operator's inputs by name: tensors in float32 or int8, and numbers, lists and strings."""

Kernel = Callable[[Inputs], Any]


def _unary(function: Callable[[Tensor], Tensor]) -> Kernel:
    return lambda given: function(given["x"])


def _binary(function: Callable[[Tensor, Tensor], Tensor]) -> Kernel:
    return lambda given: function(given["x"], given["y"])


def _padded(given: Inputs, kernel: list[int], value: float = 0.0) -> Tensor:
    """The input with the border that `pad_type` asks for."""
    if given["pad_type"] == "valid":
        return given["x"]  # type: ignore[no-any-return]
    pad = list(given["pad"])
    if given["pad_type"] == "same":
        pad = []
        steps = zip(
            given["x"].shape[2:], kernel, given["strides"], given.get("dilations", [1, 1]), strict=True
        )
        for size, length, stride, dilation in steps:
            missing = max((-(-size // stride) - 1) * stride + (length - 1) * dilation + 1 - size, 0)
            pad += [missing // 2, missing - missing // 2]
    borders = [amount for axis in reversed(range(len(pad) // 2)) for amount in pad[2 * axis : 2 * axis + 2]]
    return F.pad(given["x"], borders, value=value)


def _convolution(given: Inputs) -> Tensor:
    weight = given["weight"]
    images = _padded(given, list(weight.shape[2:]))
    function: Callable[..., Tensor] = F.conv2d if images.dim() == 4 else F.conv1d
    options = (given["strides"], 0, given["dilations"], given["groups"])
    return function(images, weight, given.get("bias"), *options)


def _batch_norm(given: Inputs) -> Tensor:
    parts = (given["mean"], given["variance"], given.get("gamma"), given.get("beta"))
    return F.batch_norm(given["x"], *parts, eps=given["epsilon"])


def _average_pool(given: Inputs) -> Tensor:
    kernel = list(given["kernel_sizes"])
    sums: Tensor = F.avg_pool2d(_padded(given, kernel), kernel, given["strides"])
    if not given["exclude_padding_from_average"]:
        return sums
    ones = torch.ones_like(given["x"][:1, :1])
    counted: Tensor = F.avg_pool2d(_padded({**given, "x": ones}, kernel), kernel, given["strides"])
    return sums / counted


def _max_pool(given: Inputs) -> Tensor:
    kernel = list(given["kernel_sizes"])
    return F.max_pool2d(_padded(given, kernel, float("-inf")), kernel, given["strides"])


def _quantize(given: Inputs) -> Tensor:
    """Round to even and saturate; the zero point is 0 where there is none."""
    limits = torch.iinfo(torch.int8 if given["output_dtype"] == "int8" else torch.uint8)
    integers: Tensor = torch.round(given["input"] / given["scale"]) + given.get("zero_point", 0)
    return integers.clamp(limits.min, limits.max)


def _dequantize(given: Inputs) -> Tensor:
    return (given["input"] - given.get("zero_point", 0)) * given["scale"]  # type: ignore[no-any-return]


def _reshape(given: Inputs) -> Tensor:
    return given["x"].reshape([int(size) for size in given["shape"]])  # type: ignore[no-any-return]


def _mean(given: Inputs) -> Tensor:
    return given["x"].mean(list(given["axes"]), keepdim=given["keep_dims"])  # type: ignore[no-any-return]


def _product(given: Inputs) -> Tensor:
    x, y = (given[side].mT if given.get(f"transpose_{side}") else given[side] for side in ("x", "y"))
    return torch.matmul(x, y)


def _split(given: Inputs) -> list[Tensor]:
    return list(torch.split(given["x"], [int(size) for size in given["split_sizes"]], int(given["axis"])))


KERNELS: Mapping[str, Kernel] = {
    "abs": _unary(torch.abs),
    "add": _binary(torch.add),
    "avg_pool": _average_pool,
    "batch_norm": _batch_norm,
    "cast": _unary(lambda x: x),  # what it is rounded to is its output's type
    "clip": lambda given: given["x"].clamp(given["alpha"], given["beta"]),
    "concat": lambda given: torch.cat(list(given["values"]), int(given["axis"])),
    "conv": _convolution,
    "dequantize": _dequantize,
    "exp": _unary(torch.exp),
    "identity": _unary(lambda x: x),
    "linear": lambda given: F.linear(given["x"], given["weight"], given.get("bias")),
    "matmul": _product,
    "max_pool": _max_pool,
    "maximum": _binary(torch.maximum),
    "minimum": _binary(torch.minimum),
    "mul": _binary(torch.mul),
    "quantize": _quantize,
    "real_div": _binary(torch.div),
    "reduce_max": lambda given: given["x"].amax(list(given["axes"]), keepdim=given["keep_dims"]),
    "reduce_mean": _mean,
    "reduce_min": lambda given: given["x"].amin(list(given["axes"]), keepdim=given["keep_dims"]),
    "relu": _unary(F.relu),
    "relu6": _unary(F.relu6),
    "reshape": _reshape,
    "sigmoid": _unary(torch.sigmoid),
    "sigmoid_hard": lambda given: (given["alpha"] * given["x"] + given["beta"]).clamp(0, 1),
    "silu": _unary(F.silu),
    "softmax": lambda given: torch.softmax(given["x"], int(given["axis"])),
    "split": _split,
    "sqrt": _unary(torch.sqrt),
    "sub": _binary(torch.sub),
    "tanh": _unary(torch.tanh),
    "transpose": lambda given: given["x"].permute([int(axis) for axis in given["perm"]]),
}
"""By the operator's type."""


def as_input(value: Any) -> Any:
    """A constant as kernels take it: real numbers as a float32 tensor, whole ones and others as in Python."""
    array = np.asarray(value)
    if array.dtype.kind == "f":
        return torch.from_numpy(np.asarray(array, np.float32)) if array.ndim else float(array)
    return array.tolist()
