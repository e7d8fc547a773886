"""Convolve, then pool the few channels that are left."""

from __future__ import annotations

import torch
from torch.fx import Node

from ca_deploy.passes.formulations.pointwise import is_pointwise, same_call
from ca_deploy.passes.graph import add_call, bound, source
from ca_deploy.passes.protocol import NodePass

_aten = torch.ops.aten


class ConvolveBeforePooling(NodePass):
    """W * mean(x) + b = mean(W * x + b): a 1x1 convolution and a mean over one spatial axis commute.

    Done where the same convolution reads the means of one tensor over both axes, as in coordinate attention:
    one convolution of the full map then replaces two of pooled ones, and the means see a thirty-second of
    the channels. Means over a single axis alone, and over both at once, stay as they are: the convolution
    would only grow.
    """

    name = "convolve before pooling"
    targets = frozenset({_aten.conv2d.default})

    def rewrite(self, node: Node) -> Node | None:
        """The mean of the convolved map."""
        pooled = source(node)
        if not is_pointwise(node) or not _is_axis_mean(pooled) or _twin(node, pooled) is None:
            return None
        values = bound(pooled)
        full = _convolved(node, source(pooled))
        return add_call(node, _aten.mean.dim, full, values["dim"], values["keepdim"], like=node)


def _is_axis_mean(node: Node) -> bool:
    if node.target is not _aten.mean.dim:
        return False
    values = bound(node)
    return bool(values["keepdim"]) and len(values["dim"]) == 1 and values["dim"][0] % 4 in (2, 3)


def _parameters(node: Node) -> tuple[str, ...]:
    return tuple(str(a.target) if isinstance(a, Node) else str(a) for a in node.args[1:])


def _twin(node: Node, pooled: Node) -> Node | None:
    """The same convolution on the mean of the same tensor over the other axis, or on the map itself."""
    for other in source(pooled).users:
        if other.target is node.target and _parameters(other) == _parameters(node):
            return other
        if other is pooled or not _is_axis_mean(other):
            continue
        for user in other.users:
            if user.target is node.target and _parameters(user) == _parameters(node):
                return user
    return None


def _convolved(node: Node, full: Node) -> Node:
    """The convolution of the full map, made once for both means."""
    for other in full.users:
        if other.target is node.target and _parameters(other) == _parameters(node):
            return other
    first = min(full.users, key=lambda user: _position(user))
    return same_call(node, full, first)


def _position(node: Node) -> int:
    return list(node.graph.nodes).index(node)
