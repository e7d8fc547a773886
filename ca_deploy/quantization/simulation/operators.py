"""TFLite's operators in PyTorch, on channels-last tensors, one function each; activation functions apart.

Each function takes its inputs (None for an absent one) and the schema's options, and gives its outputs.
Graphs are written for one image; these run any number of them at once along axis 0.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from ai_edge_litert import schema_py_generated as schema
from torch import Tensor

ACTIVATION_NAMES = {
    code: name for name, code in vars(schema.ActivationFunctionType).items() if not name.startswith("_")
}
Kernel = Callable[[Sequence[Any], Any], tuple[Tensor, ...]]

ACTIVATIONS: dict[int, Callable[[Tensor], Tensor]] = {
    schema.ActivationFunctionType.NONE: lambda x: x,
    schema.ActivationFunctionType.RELU: F.relu,
    schema.ActivationFunctionType.RELU6: F.relu6,
}


def fused_activation(operator: Any) -> int:
    """The schema's code of the activation function that is part of an operator; NONE where it has none."""
    return int(
        getattr(operator.builtinOptions, "fusedActivationFunction", schema.ActivationFunctionType.NONE)
    )


def _one(function: Callable[..., Tensor]) -> Kernel:
    """A kernel without options."""
    return lambda inputs, options: (function(*inputs),)


def _convolution(inputs: Sequence[Any], options: Any) -> tuple[Tensor, ...]:
    data, weights, bias = _with_bias(inputs)
    groups = data.shape[3] // weights.shape[3]
    return (_convolved(data, weights.permute(0, 3, 1, 2), bias, options, groups),)


def _depthwise(inputs: Sequence[Any], options: Any) -> tuple[Tensor, ...]:
    data, weights, bias = _with_bias(inputs)
    return (_convolved(data, weights.permute(3, 0, 1, 2), bias, options, data.shape[3]),)


def _with_bias(inputs: Sequence[Any]) -> tuple[Tensor, Tensor, Tensor | None]:
    """Data, weights and bias; files may leave the last out."""
    data, weights, *bias = inputs
    return data, weights, bias[0] if bias else None


def _convolved(data: Tensor, weights: Tensor, bias: Tensor | None, options: Any, groups: int) -> Tensor:
    stride, dilation = (options.strideH, options.strideW), (options.dilationHFactor, options.dilationWFactor)
    images = _padded(data.permute(0, 3, 1, 2), weights.shape[2:], stride, dilation, options.padding, 0.0)
    return F.conv2d(images, weights, bias, stride, 0, dilation, groups).permute(0, 2, 3, 1)


def _padded(
    images: Tensor,
    kernel: Sequence[int],
    stride: Sequence[int],
    dilation: Sequence[int],
    padding: int,
    value: float,
) -> Tensor:
    """Images (N, C, H, W) with the border that SAME asks for; an odd one is wider behind."""
    if padding == schema.Padding.VALID:
        return images
    borders: list[int] = []
    for size, k, s, d in zip(images.shape[2:], kernel, stride, dilation, strict=True):
        missing = max((-(-size // s) - 1) * s + (k - 1) * d + 1 - size, 0)
        borders = [missing // 2, missing - missing // 2, *borders]
    return F.pad(images, borders, value=value) if any(borders) else images


def _max_pool(inputs: Sequence[Any], options: Any) -> tuple[Tensor, ...]:
    kernel, stride = (options.filterHeight, options.filterWidth), (options.strideH, options.strideW)
    images = inputs[0].permute(0, 3, 1, 2)
    images = _padded(images, kernel, stride, (1, 1), options.padding, float("-inf"))
    return (F.max_pool2d(images, kernel, stride).permute(0, 2, 3, 1),)


def _fully_connected(inputs: Sequence[Any], options: Any) -> tuple[Tensor, ...]:
    data, weights, bias = _with_bias(inputs)
    rows = data if options.keepNumDims else data.reshape(-1, weights.shape[1])
    return (F.linear(rows, weights, bias),)


def _mean(inputs: Sequence[Any], options: Any) -> tuple[Tensor, ...]:
    return (inputs[0].mean(_numbers(inputs[1]), keepdim=bool(options.keepDims)),)


def _largest(inputs: Sequence[Any], options: Any) -> tuple[Tensor, ...]:
    return (torch.amax(inputs[0], _numbers(inputs[1]), keepdim=bool(options.keepDims)),)


def _pad(inputs: Sequence[Any], options: Any) -> tuple[Tensor, ...]:
    return (F.pad(inputs[0], _numbers(inputs[1].flip(0))),)


def _reshape(inputs: Sequence[Any], options: Any) -> tuple[Tensor, ...]:
    return (inputs[0].reshape(len(inputs[0]), *_numbers(inputs[1])[1:]),)


def _transpose(inputs: Sequence[Any], options: Any) -> tuple[Tensor, ...]:
    return (inputs[0].permute(_numbers(inputs[1])),)


def _concatenation(inputs: Sequence[Any], options: Any) -> tuple[Tensor, ...]:
    return (torch.cat(list(inputs), options.axis),)


def _split(inputs: Sequence[Any], options: Any) -> tuple[Tensor, ...]:
    axis, data = inputs
    return torch.tensor_split(data, options.numSplits, int(axis))


def _gelu(inputs: Sequence[Any], options: Any) -> tuple[Tensor, ...]:
    return (F.gelu(inputs[0], approximate="tanh" if options.approximate else "none"),)


def _leaky_relu(inputs: Sequence[Any], options: Any) -> tuple[Tensor, ...]:
    return (F.leaky_relu(inputs[0], options.alpha),)


def _numbers(constant: Tensor) -> list[int]:
    return [int(value) for value in constant.reshape(-1)]


KERNELS: dict[str, Kernel] = {
    "ABS": _one(torch.abs),
    "ADD": _one(torch.add),
    "CONCATENATION": _concatenation,
    "CONV_2D": _convolution,
    "DEPTHWISE_CONV_2D": _depthwise,
    "FULLY_CONNECTED": _fully_connected,
    "GELU": _gelu,
    "HARD_SWISH": _one(F.hardswish),
    "LEAKY_RELU": _leaky_relu,
    "LOGISTIC": _one(torch.sigmoid),
    "MAX_POOL_2D": _max_pool,
    "MEAN": _mean,
    "MUL": _one(torch.mul),
    "PAD": _pad,
    "REDUCE_MAX": _largest,
    "RELU": _one(F.relu),
    "RELU6": _one(F.relu6),
    "RESHAPE": _reshape,
    "SPLIT": _split,
    "SUB": _one(torch.sub),
    "TANH": _one(torch.tanh),
    "TRANSPOSE": _transpose,
}
