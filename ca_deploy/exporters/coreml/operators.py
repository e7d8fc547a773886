"""How ATen operators are written in MIL, Core ML's language: one small function for each."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from ca_deploy.runtimes.coreml_tools import mb

_aten = torch.ops.aten
Arguments = Mapping[str, Any]
"""An ATen call's arguments by their names in its schema: MIL values, NumPy constants, numbers."""

Operator = Callable[[Arguments, str], Any]
"""Writes one call under a name."""


def _unary(write: Callable[..., Any], **parameters: Any) -> Operator:
    return lambda args, name: write(x=args["self"], name=name, **parameters)


def _binary(write: Callable[..., Any]) -> Operator:
    def written(args: Arguments, name: str) -> Any:
        if args.get("alpha", 1) != 1 or args.get("rounding_mode") is not None:
            raise NotImplementedError
        return write(x=_operand(args["self"]), y=_operand(args["other"]), name=name)

    return written


def _operand(value: Any) -> Any:
    return np.float32(value) if isinstance(value, int | float) else value


def _convolution(args: Arguments, name: str) -> Any:
    padding: dict[str, Any] = {"pad_type": "same" if args["padding"] == "same" else "valid"}
    if not isinstance(args["padding"], str):
        padding = {"pad_type": "custom", "pad": [amount for amount in args["padding"] for _ in range(2)]}
    bias = {} if args["bias"] is None else {"bias": args["bias"]}
    return mb.conv(
        x=args["input"],
        weight=args["weight"],
        strides=args["stride"],
        dilations=args["dilation"],
        groups=args["groups"],
        name=name,
        **padding,
        **bias,
    )


def _linear(args: Arguments, name: str) -> Any:
    bias = {} if args["bias"] is None else {"bias": args["bias"]}
    return mb.linear(x=args["input"], weight=args["weight"], name=name, **bias)


def _clip(low: str | None, high: str | None) -> Operator:
    """A clip with bounds from the named arguments; relu6 and relu where it is one."""

    def write(args: Arguments, name: str) -> Any:
        bounds = (args[low] if low else None, args[high] if high else None)
        if bounds == (0, 6):
            return mb.relu6(x=args["self"], name=name)
        if bounds == (0, None):
            return mb.relu(x=args["self"], name=name)
        alpha, beta = (
            np.float32(limit if bound is None else bound)
            for bound, limit in zip(bounds, _FLOAT16, strict=True)
        )
        return mb.clip(x=args["self"], alpha=alpha, beta=beta, name=name)

    return write


_FLOAT16 = (float(np.finfo(np.float16).min), float(np.finfo(np.float16).max))


def _hard_swish(args: Arguments, name: str) -> Any:
    """X · h_sigmoid(x): MIL has no h_swish, and this is the shortest way to write it."""
    return mb.mul(x=args["self"], y=_hard_sigmoid(args, f"{name}_gate"), name=name)


def _hard_sigmoid(args: Arguments, name: str) -> Any:
    return mb.sigmoid_hard(x=args["self"], alpha=np.float32(1 / 6), beta=np.float32(0.5), name=name)


def _reduction(write: Callable[..., Any]) -> Operator:
    def written(args: Arguments, name: str) -> Any:
        axes = args["dim"] or list(range(len(args["self"].shape)))
        return write(x=args["self"], axes=axes, keep_dims=args["keepdim"], name=name)

    return written


def _pool(write: Callable[..., Any], **parameters: Any) -> Operator:
    def written(args: Arguments, name: str) -> Any:
        dilated = args.get("dilation", 1) not in (1, [1, 1], [1])
        if dilated or args["ceil_mode"] or args.get("divisor_override") is not None:
            raise NotImplementedError
        excluded = (
            {}
            if "count_include_pad" not in args
            else {"exclude_padding_from_average": not args["count_include_pad"]}
        )
        pads = args["padding"] if isinstance(args["padding"], Sequence) else [args["padding"]] * 2
        return write(
            x=args["self"],
            kernel_sizes=args["kernel_size"],
            strides=args["stride"] or args["kernel_size"],
            pad_type="custom",
            pad=[amount for amount in pads for _ in range(2)],
            name=name,
            **excluded,
            **parameters,
        )

    return written


def _reshape(args: Arguments, name: str) -> Any:
    return mb.reshape(x=args["self"], shape=args["shape"], name=name)


def _concatenation(args: Arguments, name: str) -> Any:
    return mb.concat(values=args["tensors"], axis=args["dim"], name=name)


def _split(args: Arguments, name: str) -> Any:
    return mb.split(x=args["self"], split_sizes=args["split_sizes"], axis=args["dim"], name=name)


def _item(args: Arguments, name: str) -> Any:
    return args["values"][args["index"]]


def _permutation(args: Arguments, name: str) -> Any:
    rank = len(args["self"].shape)
    return mb.transpose(x=args["self"], perm=[axis % rank for axis in args["dims"]], name=name)


def _transposition(args: Arguments, name: str) -> Any:
    order = list(range(len(args["self"].shape)))
    one, other = args["dim0"], args["dim1"]
    order[one], order[other] = order[other], order[one]
    return mb.transpose(x=args["self"], perm=order, name=name)


def _negation(args: Arguments, name: str) -> Any:
    return mb.mul(x=args["self"], y=np.float32(-1), name=name)


def _softmax(args: Arguments, name: str) -> Any:
    return mb.softmax(x=args["self"], axis=args["dim"], name=name)


def _matmul(args: Arguments, name: str) -> Any:
    return mb.matmul(x=args["self"], y=args["mat2"] if "mat2" in args else args["other"], name=name)


OPERATORS: Mapping[object, Operator] = {
    _aten.abs.default: _unary(mb.abs),
    _aten.add.Tensor: _binary(mb.add),
    _aten.amax.default: _reduction(mb.reduce_max),
    _aten.amin.default: _reduction(mb.reduce_min),
    _aten.avg_pool2d.default: _pool(mb.avg_pool),
    _aten.bmm.default: _matmul,
    _aten.cat.default: _concatenation,
    _aten.clamp.default: _clip("min", "max"),
    _aten.conv1d.default: _convolution,
    _aten.conv2d.default: _convolution,
    _aten.conv2d.padding: _convolution,
    _aten.div.Tensor: _binary(mb.real_div),
    _aten.exp.default: _unary(mb.exp),
    _aten.hardsigmoid.default: _hard_sigmoid,
    _aten.hardswish.default: _hard_swish,
    _aten.hardtanh.default: _clip("min_val", "max_val"),
    _aten.linear.default: _linear,
    _aten.matmul.default: _matmul,
    _aten.max_pool2d.default: _pool(mb.max_pool),
    _aten.maximum.default: _binary(mb.maximum),
    _aten.mean.dim: _reduction(mb.reduce_mean),
    _aten.minimum.default: _binary(mb.minimum),
    _aten.mul.Tensor: _binary(mb.mul),
    _aten.neg.default: _negation,
    _aten.permute.default: _permutation,
    _aten.relu.default: _unary(mb.relu),
    _aten.reshape.default: _reshape,
    _aten.sigmoid.default: _unary(mb.sigmoid),
    _aten.silu.default: _unary(mb.silu),
    _aten.softmax.int: _softmax,
    _aten.split_with_sizes.default: _split,
    _aten.sqrt.default: _unary(mb.sqrt),
    _aten.sub.Tensor: _binary(mb.sub),
    _aten.tanh.default: _unary(mb.tanh),
    _aten.transpose.int: _transposition,
    operator.getitem: _item,
}
"""What writes each operator; it raises NotImplementedError for settings of it that it does not know."""
