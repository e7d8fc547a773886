"""Which values of a graph an int8 runtime stores, and which go on inside a fused operator."""

from __future__ import annotations

import operator

import torch
from torch.fx import GraphModule, Node

from ca_deploy.quantization.graph.execution import constant_of, is_float

_aten = torch.ops.aten
LAYERS = frozenset({_aten.conv2d.default, _aten.conv2d.padding, _aten.linear.default})
CLIPS = frozenset({_aten.hardtanh.default, _aten.relu.default})
SAME = frozenset(
    {
        _aten.reshape.default,
        _aten.permute.default,
        _aten.transpose.int,
        _aten.cat.default,
        _aten.max_pool2d.default,
        _aten.amax.default,
        operator.getitem,
    }
)
"""Operators that only move values, whose output keeps the parameters of its inputs."""
_FUSING = LAYERS | {_aten.add.Tensor}


def weighted(graph: GraphModule) -> list[Node]:
    """Convolutions and linear layers on (N, C, ...) with constant weights, in order."""
    return [
        node
        for node in graph.graph.nodes
        if node.target in LAYERS
        and constant_of(node.args[1]) is not None
        and (node.target is not _aten.linear.default or node.meta["val"].dim() == 2)
    ]


def layers(graph: GraphModule) -> list[Node]:
    """Those of `weighted` with a constant bias, too."""
    return [node for node in weighted(graph) if len(node.args) > 2 and constant_of(node.args[2]) is not None]


def fused_clip(node: Node) -> Node | None:
    """The clip that alone reads a layer or a sum, and that runtimes compute with it."""
    readers = list(node.users)
    if node.target in _FUSING and len(readers) == 1 and readers[0].target in CLIPS:
        return readers[0]
    return None


def stored(graph: GraphModule) -> list[Node]:
    """The input and every float32 value that an int8 runtime writes to memory, in order."""
    return [
        node
        for node in graph.graph.nodes
        if node.op in ("placeholder", "call_function") and is_float(node) and fused_clip(node) is None
    ]
