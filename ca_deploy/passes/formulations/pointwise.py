"""Operators that treat every position of a feature map alike, whatever lies beside it."""

from __future__ import annotations

import torch
from torch.fx import Node

from ca_deploy.passes.graph import add_call, bound, constant
from ca_deploy.passes.layers import layer

_aten = torch.ops.aten
ELEMENTWISE = frozenset(
    {
        _aten.hardswish.default,
        _aten.hardsigmoid.default,
        _aten.hardtanh.default,
        _aten.relu.default,
        _aten.sigmoid.default,
        _aten.silu.default,
        _aten.tanh.default,
    }
)
POINTWISE = ELEMENTWISE | {_aten.conv2d.default}


def is_pointwise(node: Node) -> bool:
    """Whether `node` is elementwise in its one input, or a 1x1 convolution of stride 1 without padding."""
    if node.target in ELEMENTWISE:
        return True
    found = layer(node) if node.target is _aten.conv2d.default else None
    if found is None or found.padded or any(size != 1 for size in found.weight.shape[2:]):
        return False
    return all(stride == 1 for stride in bound(node)["stride"])


def same_call(node: Node, given: Node, before: Node) -> Node:
    """The call of `node`, with the same parameters, on another input, ahead of `before`."""
    assert node.target is not None
    parameters = [_read_again(argument, before) for argument in node.args[1:]]
    return add_call(before, node.target, given, *parameters, like=node, **node.kwargs)  # type: ignore[arg-type]


def _read_again(argument: object, before: Node) -> object:
    """A constant may be read behind `before`; read it there too."""
    if not isinstance(argument, Node) or constant(argument) is None:
        return argument
    with before.graph.inserting_before(before):
        again = before.graph.get_attr(str(argument.target))
    again.meta = dict(argument.meta)
    return again
