"""Layers that slide a window, and linear ones, written in ONNX."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch.fx import Node

from ca_deploy.exporters.onnx_graph import Arguments, NotListedError, OnnxGraph, Operator, numpy_dtype, rank


def convolution(graph: OnnxGraph, node: Node, args: Arguments) -> None:
    """Conv of one to three spatial axes."""
    kernel = args["weight"].meta["val"].shape[2:]
    if rank(args["input"]) != len(kernel) + 2:
        raise NotListedError
    before, after = _padding(args["padding"], kernel, args["dilation"])
    graph.add(
        "Conv",
        _inputs(graph, args),
        node,
        dilations=args["dilation"],
        group=args["groups"],
        kernel_shape=kernel,
        pads=[*before, *after],
        strides=args["stride"],
    )


def _padding(
    padding: str | Sequence[int], kernel: Sequence[int], dilation: Sequence[int]
) -> tuple[list[int], list[int]]:
    """Zeros before and behind each spatial axis; `same` puts the odd one behind, as PyTorch does."""
    if padding == "same":
        totals = [step * (size - 1) for size, step in zip(kernel, dilation, strict=True)]
        return [total // 2 for total in totals], [total - total // 2 for total in totals]
    amounts = [0] * len(kernel) if isinstance(padding, str) else list(padding)
    return amounts, amounts


def transposed_convolution(graph: OnnxGraph, node: Node, args: Arguments) -> None:
    """ConvTranspose; its weights are laid out as PyTorch's."""
    kernel = args["weight"].meta["val"].shape[2:]
    if rank(args["input"]) != len(kernel) + 2:
        raise NotListedError
    graph.add(
        "ConvTranspose",
        _inputs(graph, args),
        node,
        dilations=args["dilation"],
        group=args["groups"],
        kernel_shape=kernel,
        output_padding=args["output_padding"],
        pads=[*args["padding"], *args["padding"]],
        strides=args["stride"],
    )


def linear(graph: OnnxGraph, node: Node, args: Arguments) -> None:
    """Gemm on rows, MatMul and Add on anything else."""
    if rank(args["input"]) == 2:
        graph.add("Gemm", _inputs(graph, args), node, transB=1)
        return
    given, weight, *bias = _inputs(graph, args)
    turned = graph.add("Transpose", [weight], node, step="weight", perm=[1, 0])
    if not bias:
        graph.add("MatMul", [given, turned], node)
        return
    product = graph.add("MatMul", [given, turned], node, step="product")
    graph.add("Add", [product, *bias], node)


def _inputs(graph: OnnxGraph, args: Arguments) -> list[str]:
    return [graph.value(args[key]) for key in ("input", "weight", "bias") if args[key] is not None]


def pool(name: str) -> Operator:
    """AveragePool or MaxPool."""

    def write(graph: OnnxGraph, node: Node, args: Arguments) -> None:
        kernel, padding = args["kernel_size"], args["padding"]
        padding = [padding] * len(kernel) if isinstance(padding, int) else padding
        dilation = args.get("dilation", 1)
        dilated = dilation not in (1, [1] * len(kernel))
        if dilated or args.get("divisor_override") is not None:
            raise NotListedError
        ceil_mode = int(args["ceil_mode"] and not _fits(node, args, kernel, padding, ceil=False))
        if ceil_mode and (name == "AveragePool" or not _fits(node, args, kernel, padding, ceil=True)):
            raise NotListedError
        counted: dict[str, Any] = (
            {"count_include_pad": int(args["count_include_pad"])} if name == "AveragePool" else {}
        )
        graph.add(
            name,
            [graph.value(args["self"])],
            node,
            ceil_mode=ceil_mode,
            kernel_shape=kernel,
            pads=[*padding, *padding],
            strides=args["stride"] or kernel,
            **counted,
        )

    return write


def _fits(node: Node, args: Arguments, kernel: Sequence[int], padding: Sequence[int], ceil: bool) -> bool:
    """Whether ONNX's formula gives the pool's size; PyTorch drops windows that start behind the input."""
    sizes = zip(args["self"].meta["val"].shape[-len(kernel) :], kernel, padding, strict=True)
    spans = [size + 2 * pad - window for size, window, pad in sizes]
    strides = args["stride"] or kernel
    steps = [-(-span // step) if ceil else span // step for span, step in zip(spans, strides, strict=True)]
    return [step + 1 for step in steps] == list(node.meta["val"].shape[-len(kernel) :])


def pad(graph: OnnxGraph, node: Node, args: Arguments) -> None:
    """Pad; PyTorch lists the last axis first."""
    missing = [0] * (rank(node) - len(args["pad"]) // 2)
    before, after = args["pad"][::2][::-1], args["pad"][1::2][::-1]
    pads = graph.value([*missing, *before, *missing, *after])
    inputs = [graph.value(args["self"]), pads]
    mode = {"constant": "constant", "reflect": "reflect", "replicate": "edge"}.get(
        args.get("mode", "constant")
    )
    if mode is None:
        raise NotListedError
    if mode == "constant":
        inputs.append(graph.value(args["value"] or 0.0, numpy_dtype(node.meta["val"])))
    graph.add("Pad", inputs, node, mode=mode)


def nearest(graph: OnnxGraph, node: Node, args: Arguments) -> None:
    """Resize to the nearest pixel, as PyTorch's `nearest` rounds."""
    _resize(
        graph, node, args, mode="nearest", coordinate_transformation_mode="asymmetric", nearest_mode="floor"
    )


def bilinear(graph: OnnxGraph, node: Node, args: Arguments) -> None:
    """Resize between pixels."""
    corners = "align_corners" if args["align_corners"] else "half_pixel"
    _resize(graph, node, args, mode="linear", coordinate_transformation_mode=corners)


def _resize(graph: OnnxGraph, node: Node, args: Arguments, **attributes: str) -> None:
    given, result = args["input"].meta["val"].shape, node.meta["val"].shape
    if any(after % before for before, after in zip(given, result, strict=True)):
        raise NotListedError  # how a fractional scale is rounded differs between versions
    graph.add("Resize", [graph.value(args["input"]), "", "", graph.value(list(result))], node, **attributes)
