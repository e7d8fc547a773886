"""A passed graph as a MIL program that takes pixels and gives scores."""

from __future__ import annotations

import operator
from collections.abc import Collection, Mapping, Sequence
from functools import reduce
from typing import TYPE_CHECKING, Any

import numpy as np
from torch.fx import GraphModule, Node
from torch.fx.node import map_arg

from ca_deploy.errors import UserError
from ca_deploy.exporters.coreml.operators import OPERATORS
from ca_deploy.exporters.onnx_graph import place
from ca_deploy.runtimes.coreml_tools import LOGITS, ct, mb

if TYPE_CHECKING:
    from ca_deploy.quantization.parameters import QuantParams

IMAGE = "image"
SCORES = "scores"
TARGET = ct.target.iOS17
"""The first with `quantize` and `dequantize` of activations; one target for all files keeps apps simple."""

_SMALLEST_SCALE = np.float32(2**-24)
"""The smallest float16, which scales become."""


def mil_program(
    graph: GraphModule,
    mean: Sequence[float],
    std: Sequence[float],
    stored: Mapping[str, QuantParams] | None = None,
    exact: Collection[tuple[str, str]] = (),
) -> Any:
    """Write a graph as a float32 MIL program: the pixels of one image in, scores and logits out.

    (pixel / 255 - mean) / std is its first two operators, pixel * scale + bias, per channel: Core ML's own
    image scale is one number for all channels, and the bias of a convolution that pads with normalised zeros
    cannot take it up.

    Args:
        graph: a functional graph with one input (1, 3, H, W) and logits (1, classes) as its one output.
        mean: per channel, of pixels scaled to 0..1.
        std: per channel.
        stored: parameters of the values that are to be stored as integers, by the name of their node; such a
            value passes `quantize` and `dequantize`.
        exact: names of such values and of nodes that read them as they were before.

    Raises:
        UserError: the graph holds an operator that is not written here, or has several outputs.
    """
    (given,) = graph.graph.find_nodes(op="placeholder")
    shape = tuple(given.meta["val"].shape)
    scale, bias = (
        np.asarray(values, np.float32).reshape(1, -1, 1, 1)
        for values in ([1 / (255 * one) for one in std], [-m / s for m, s in zip(mean, std, strict=True)])
    )

    @mb.program(input_specs=[mb.TensorSpec(shape=shape)], opset_version=TARGET)  # type: ignore[untyped-decorator]
    def main(image: Any) -> Any:
        normalised = mb.add(x=mb.mul(x=image, y=scale, name="scaled"), y=bias, name="normalised")
        logits = _body(graph, normalised, stored or {}, exact)
        return mb.softmax(x=logits, axis=-1, name=SCORES), mb.identity(x=logits, name=LOGITS)

    return main


def _body(
    graph: GraphModule, image: Any, stored: Mapping[str, QuantParams], exact: Collection[tuple[str, str]]
) -> Any:
    """Write all calls; give the value that the graph returns."""
    values: dict[Node, Any] = {}
    unstored: dict[Node, Any] = {}
    for node in graph.graph.nodes:
        if node.op == "output":
            (returned,) = node.args
            if not isinstance(returned, Node):
                raise UserError(
                    "Core ML's classifier has one output, and the network several; leave out coreml"
                )
            return values[returned]
        if node.op == "get_attr":
            constant: Any = reduce(getattr, node.target.split("."), graph)
            values[node] = constant.detach().numpy()
            continue
        read = {used: unstored[used] for used in node.all_input_nodes if (used.name, node.name) in exact}
        value = image if node.op == "placeholder" else _call(node, {**values, **read})
        unstored[node] = value
        values[node] = _stored(value, stored[node.name], node.name) if node.name in stored else value
    raise AssertionError("a graph ends with its output")


def _call(node: Node, values: Mapping[Node, Any]) -> Any:
    write = OPERATORS.get(node.target)
    try:
        if write is None:
            raise NotImplementedError
        return write(_arguments(node, values), node.name)
    except (NotImplementedError, TypeError, ValueError) as error:
        raise UserError(
            f"{node.target} at {place(node)} cannot be written for Core ML; replace it by other operators, "
            "or leave coreml out of --formats"
        ) from error


def _arguments(node: Node, values: Mapping[Node, Any]) -> dict[str, Any]:
    """A call's arguments by the names in its schema, defaults filled in, nodes replaced by their values."""
    args: Any = map_arg(node.args, values.__getitem__)
    kwargs: Any = map_arg(node.kwargs, values.__getitem__)
    if node.target is operator.getitem:
        return {"values": args[0], "index": args[1]}
    schema = node.target._schema.arguments  # type: ignore[union-attr]  # an ATen call
    bound = {argument.name: argument.default_value for argument in schema}
    return {**bound, **dict(zip(bound, args, strict=False)), **kwargs}


def _stored(value: Any, params: QuantParams, name: str) -> Any:
    """A value as integers hold it; the zero point is left out where it is 0, as Apple's tools do."""
    scale = max(params.scale[0], _SMALLEST_SCALE)
    integers = mb.quantize(input=value, scale=scale, output_dtype=params.dtype, name=f"{name}_int8")
    return mb.dequantize(input=integers, scale=scale, name=f"{name}_stored")
