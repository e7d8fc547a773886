"""How ATen operators are written in ONNX: one name or one small function for each.

What is listed is exact and common in mobile networks. A graph with any other operator goes through
`torch.onnx`, which knows far more of them and takes seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch.fx import Node

from ca_deploy.exporters.onnx_graph import Arguments, NotListedError, OnnxGraph, Operator, numpy_dtype, rank
from ca_deploy.exporters.onnx_layers import (
    bilinear,
    convolution,
    linear,
    nearest,
    pad,
    pool,
    transposed_convolution,
)

_aten = torch.ops.aten


def _one_to_one(name: str, **attributes: Any) -> Operator:
    """An operator with one input under another name."""
    return lambda graph, node, args: graph.add(name, [graph.value(args["self"])], node, **attributes)


def _binary(name: str) -> Operator:
    def write(graph: OnnxGraph, node: Node, args: Arguments) -> None:
        result = node.meta["val"]
        other = args["exponent"] if "exponent" in args else args["other"]
        tensors = [operand.meta["val"] for operand in (args["self"], other) if isinstance(operand, Node)]
        if args.get("alpha", 1) != 1 or any(tensor.dtype != result.dtype for tensor in tensors):
            raise NotListedError
        graph.add(name, [graph.value(args["self"]), graph.value(other, numpy_dtype(result))], node)

    return write


def _reduction(name: str) -> Operator:
    def write(graph: OnnxGraph, node: Node, args: Arguments) -> None:
        count = rank(args["self"])
        axes = [dim % count for dim in args["dim"] or range(count)]
        keepdims = int(args["keepdim"])
        graph.add(name, [graph.value(args["self"]), graph.value(axes)], node, keepdims=keepdims)

    return write


def _batch_norm(graph: OnnxGraph, node: Node, args: Arguments) -> None:
    parts = [args[key] for key in ("input", "weight", "bias", "running_mean", "running_var")]
    if args["training"] or None in parts:
        raise NotListedError
    graph.add("BatchNormalization", [graph.value(part) for part in parts], node, epsilon=args["eps"])


def _clip(low: str | None, high: str | None) -> Operator:
    """Clip with bounds from the named arguments."""

    def write(graph: OnnxGraph, node: Node, args: Arguments) -> None:
        dtype = numpy_dtype(node.meta["val"])
        bounds = [
            graph.value(args[key], dtype) if key and args[key] is not None else "" for key in (low, high)
        ]
        graph.add("Clip", [graph.value(args["self"]), *bounds], node)

    return write


def _gelu(graph: OnnxGraph, node: Node, args: Arguments) -> None:
    graph.add("Gelu", [graph.value(args["self"])], node, approximate=args["approximate"])


def _layer_norm(graph: OnnxGraph, node: Node, args: Arguments) -> None:
    parts = [args[key] for key in ("input", "weight", "bias") if args[key] is not None]
    if len(parts) == 1:
        raise NotListedError
    axis = -len(args["normalized_shape"])
    graph.add(
        "LayerNormalization", [graph.value(part) for part in parts], node, axis=axis, epsilon=args["eps"]
    )


def _silu(graph: OnnxGraph, node: Node, args: Arguments) -> None:
    given = graph.value(args["self"])
    gate = graph.add("Sigmoid", [given], node, step="sigmoid")
    graph.add("Mul", [given, gate], node)


def _leaky_relu(graph: OnnxGraph, node: Node, args: Arguments) -> None:
    graph.add("LeakyRelu", [graph.value(args["self"])], node, alpha=float(args["negative_slope"]))


def _softmax(graph: OnnxGraph, node: Node, args: Arguments) -> None:
    if args["dtype"] not in (None, node.meta["val"].dtype):
        raise NotListedError
    graph.add("Softmax", [graph.value(args["self"])], node, axis=args["dim"] % rank(node))


def _matmul(graph: OnnxGraph, node: Node, args: Arguments) -> None:
    other = args["mat2"] if "mat2" in args else args["other"]
    graph.add("MatMul", [graph.value(args["self"]), graph.value(other)], node)


def _concatenation(graph: OnnxGraph, node: Node, args: Arguments) -> None:
    axis = args["dim"] % rank(node)
    graph.add("Concat", [graph.value(tensor) for tensor in args["tensors"]], node, axis=axis)


def _split(graph: OnnxGraph, node: Node, args: Arguments) -> None:
    axis = args["dim"] % rank(args["self"])
    pieces = [f"{node.name}_{index}" for index in range(len(node.meta["val"]))]
    sizes = graph.value([int(piece.shape[axis]) for piece in node.meta["val"]])
    graph.add_many("Split", [graph.value(args["self"]), sizes], pieces, node, axis=axis)
    graph.names[node] = pieces


def _reshape(graph: OnnxGraph, node: Node, args: Arguments) -> None:
    graph.add("Reshape", [graph.value(args["self"]), graph.value(list(node.meta["val"].shape))], node)


def _expand(graph: OnnxGraph, node: Node, args: Arguments) -> None:
    graph.add("Expand", [graph.value(args["self"]), graph.value(list(node.meta["val"].shape))], node)


def _permutation(graph: OnnxGraph, node: Node, args: Arguments) -> None:
    perm = [dim % rank(node) for dim in args["dims"]]
    graph.add("Transpose", [graph.value(args["self"])], node, perm=perm)


def _transposition(graph: OnnxGraph, node: Node, args: Arguments) -> None:
    order = list(range(rank(node)))
    one, other = args["dim0"] % len(order), args["dim1"] % len(order)
    order[one], order[other] = order[other], order[one]
    graph.add("Transpose", [graph.value(args["self"])], node, perm=order)


def _slice(graph: OnnxGraph, node: Node, args: Arguments) -> None:
    axis = args["dim"] % rank(node)
    size = args["self"].meta["val"].shape[axis]
    start, end, _ = slice(args["start"], args["end"]).indices(size)
    limits = [graph.value([number]) for number in (start, end, axis, args["step"])]
    graph.add("Slice", [graph.value(args["self"]), *limits], node)


OPERATORS: Mapping[object, Operator] = {
    _aten.abs.default: _one_to_one("Abs"),
    _aten.add.Tensor: _binary("Add"),
    _aten.amax.default: _reduction("ReduceMax"),
    _aten.amin.default: _reduction("ReduceMin"),
    _aten.avg_pool2d.default: pool("AveragePool"),
    _aten.batch_norm.default: _batch_norm,
    _aten.bmm.default: _matmul,
    _aten.cat.default: _concatenation,
    _aten.chunk.default: _split,
    _aten.clamp.default: _clip("min", "max"),
    _aten.clamp_max.default: _clip(None, "max"),
    _aten.clamp_min.default: _clip("min", None),
    _aten.constant_pad_nd.default: pad,
    _aten.conv1d.default: convolution,
    _aten.conv1d.padding: convolution,
    _aten.conv2d.default: convolution,
    _aten.conv2d.padding: convolution,
    _aten.conv3d.default: convolution,
    _aten.conv_transpose1d.default: transposed_convolution,
    _aten.conv_transpose2d.input: transposed_convolution,
    _aten.div.Tensor: _binary("Div"),
    _aten.exp.default: _one_to_one("Exp"),
    _aten.expand.default: _expand,
    _aten.gelu.default: _gelu,
    _aten.hardsigmoid.default: _one_to_one("HardSigmoid", alpha=1 / 6, beta=0.5),
    _aten.hardswish.default: _one_to_one("HardSwish"),
    _aten.hardtanh.default: _clip("min_val", "max_val"),
    _aten.layer_norm.default: _layer_norm,
    _aten.leaky_relu.default: _leaky_relu,
    _aten.linear.default: linear,
    _aten.log.default: _one_to_one("Log"),
    _aten.matmul.default: _matmul,
    _aten.max_pool2d.default: pool("MaxPool"),
    _aten.maximum.default: _binary("Max"),
    _aten.mean.dim: _reduction("ReduceMean"),
    _aten.minimum.default: _binary("Min"),
    _aten.mul.Tensor: _binary("Mul"),
    _aten.neg.default: _one_to_one("Neg"),
    _aten.pad.default: pad,
    _aten.permute.default: _permutation,
    _aten.pow.Tensor_Scalar: _binary("Pow"),
    _aten.relu.default: _one_to_one("Relu"),
    _aten.reshape.default: _reshape,
    _aten.sigmoid.default: _one_to_one("Sigmoid"),
    _aten.silu.default: _silu,
    _aten.slice.Tensor: _slice,
    _aten.softmax.int: _softmax,
    _aten.split.Tensor: _split,
    _aten.split_with_sizes.default: _split,
    _aten.sqrt.default: _one_to_one("Sqrt"),
    _aten.sub.Tensor: _binary("Sub"),
    _aten.sum.dim_IntList: _reduction("ReduceSum"),
    _aten.tanh.default: _one_to_one("Tanh"),
    _aten.transpose.int: _transposition,
    _aten.upsample_bilinear2d.vec: bilinear,
    _aten.upsample_nearest2d.vec: nearest,
}
"""What writes each operator; arguments come by their names in ATen's schema, defaults filled in."""
