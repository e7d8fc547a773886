"""Sums and products of computed tensors, which `best` leaves in float; see `quantization.float_joints`."""

from __future__ import annotations

import torch
from torch.fx import GraphModule, Node

from ca_deploy.quantization.graph.execution import is_float
from ca_deploy.quantization.graph.stored import fused_clip

_aten = torch.ops.aten
_SUMS = frozenset({_aten.add.Tensor, _aten.sub.Tensor})

Read = tuple[Node, Node]
"""A value and the operator that reads it."""


def exact_reads(graph: GraphModule) -> frozenset[Read]:
    """Where a joint reads another's result, which then is not rounded in between."""
    joints = [node for node in graph.graph.nodes if _joins(node)]
    return frozenset((node, reader) for node in joints for reader in node.users if _joins(reader))


def _joins(node: Node) -> bool:
    """Whether a node is a sum of two computed tensors, or a product with a gate of another shape."""
    if node.target not in _SUMS | {_aten.mul.Tensor} or not is_float(node) or fused_clip(node) is not None:
        return False
    computed = [used for used in node.args[:2] if isinstance(used, Node) and used.op != "get_attr"]
    if len(computed) < 2:
        return False
    one, other = (used.meta["val"].shape for used in computed)
    return node.target in _SUMS or bool(one != other)
