"""A quantized graph spelled out: `quantize` and `dequantize` calls around what is stored as integers.

These are PyTorch's decomposed operators, as its own PT2E quantization leaves them; backends such as
ExecuTorch's XNNPACK read an operator between them as one on integers.
"""

from __future__ import annotations

import copy
from collections.abc import Collection
from typing import Any

import numpy as np
import torch
import torch.ao.quantization.fx._decomposed  # registers the operators
from torch.fx import GraphModule, Node

from ca_deploy.quantization.graph.execution import constant_of
from ca_deploy.quantization.graph.quantize import QuantizedGraph
from ca_deploy.quantization.graph.stored import weighted
from ca_deploy.quantization.parameters import QuantParams, layer_weights, quantize

_ops = torch.ops.quantized_decomposed


def with_integers(quantized: QuantizedGraph) -> GraphModule:
    """A copy of the graph in which every stored value passes integers, and layers read int8 weights.

    Each reader gets a `dequantize` of its own, because backends take an operator together with those. Biases
    stay float32: ExecuTorch rounds them to the accumulator itself. It does so once for all readers of a bias,
    with the input scale of the first, so that layers which share one get one each.
    """
    graph = GraphModule(quantized.graph, copy.deepcopy(quantized.graph.graph))
    for node in weighted(graph):
        source: Any = node.args[0]
        _store_weights(graph, node, quantized.params[source.name])
        _own_bias(graph, node)
    for node in list(graph.graph.nodes):
        if node.name in quantized.params:
            exact = [reader for reader in node.users if (node.name, reader.name) in quantized.exact]
            _store(graph, node, quantized.params[node.name], exact)
    graph.graph.eliminate_dead_code()
    graph.graph.lint()
    return GraphModule(graph, graph.graph)  # without the float32 weights, which nothing reads any more


def _store(graph: GraphModule, node: Node, params: QuantParams, exact: Collection[Node]) -> None:
    """Let every reader of a value, but those of `exact`, read what integers hold of it."""
    info = np.iinfo(params.dtype)
    numbers = (
        float(params.scale[0]),
        int(params.zero_point[0]),
        info.min,
        info.max,
        getattr(torch, params.dtype),
    )
    readers = [reader for reader in node.users if reader not in exact]
    with graph.graph.inserting_after(node):
        integers = graph.graph.call_function(_ops.quantize_per_tensor.default, (node, *numbers))
    for reader in readers:
        with graph.graph.inserting_before(reader):
            real = graph.graph.call_function(_ops.dequantize_per_tensor.default, (integers, *numbers))
        reader.replace_input_with(node, real)


def _store_weights(graph: GraphModule, node: Node, data: QuantParams) -> None:
    """Let a layer read its weights as int8, symmetric, one scale per output channel."""
    read: Any = node.args[1]
    values, bias = (constant_of(given) for given in (*node.args, None)[1:3])
    assert values is not None  # see `weighted`
    params = layer_weights(values.numpy(), 0, data, None if bias is None else bias.numpy())
    name = f"{node.name}_weight"
    parts = {
        f"{name}_int8": torch.from_numpy(quantize(values.numpy(), params)),
        f"{name}_scales": torch.from_numpy(params.scale),
        f"{name}_zero_points": torch.from_numpy(params.zero_point),
    }
    for part, tensor in parts.items():
        graph.register_buffer(part, tensor)
    with graph.graph.inserting_before(node):
        stored = [graph.graph.get_attr(part) for part in parts]
        real = graph.graph.call_function(
            _ops.dequantize_per_channel.default, (*stored, 0, -127, 127, torch.int8)
        )
    node.replace_input_with(read, real)


def _own_bias(graph: GraphModule, node: Node) -> None:
    """Let a layer read a copy of its bias that no other does."""
    bias = constant_of(node.args[2]) if len(node.args) > 2 else None
    if bias is None:
        return
    name = f"{node.name}_bias"
    graph.register_buffer(name, bias.clone())
    with graph.graph.inserting_before(node):
        node.update_arg(2, graph.graph.get_attr(name))
