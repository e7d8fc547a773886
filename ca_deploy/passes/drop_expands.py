"""Copies along an axis that a broadcasting operator makes anyway."""

from __future__ import annotations

import numpy as np
import torch
from torch.fx import Node

from ca_deploy.passes.graph import shape, source
from ca_deploy.passes.protocol import NodePass, Refusal, refuse

_aten = torch.ops.aten
_EXPANDS = frozenset(
    {_aten.expand.default, _aten.expand_as.default, _aten.broadcast_to.default, _aten.repeat.default}
)
_BROADCASTS = frozenset(
    {
        _aten.add.Tensor,
        _aten.div.Tensor,
        _aten.maximum.default,
        _aten.minimum.default,
        _aten.mul.Tensor,
        _aten.sub.Tensor,
    }
)


class DropExpands(NodePass):
    """expand(a) ∘ b = a ∘ b for every broadcasting ∘, as long as b, or the result, has the shape anyway.

    `repeat` of axes of one element is an expand. Left alone: copies that something reads as they are.
    """

    name = "leave copies along an axis to broadcasting"
    targets = _EXPANDS

    def rewrite(self, node: Node) -> Node | Refusal | None:
        """What was to be copied."""
        given = source(node)
        if node.target is _aten.repeat.default and not _copies_unit_axes(node):
            return refuse(node, f"repeats axes longer than 1: {shape(given)} becomes {shape(node)}")
        for user in node.users:
            if user.target not in _BROADCASTS:
                return refuse(node, f"its copies are read by {user.target}, which does not broadcast")
            if _shape_with(user, node, given) != shape(user):
                return refuse(node, f"{user.target} has its shape from these copies")
        return given


def _copies_unit_axes(node: Node) -> bool:
    given = shape(source(node))
    given = (1,) * (len(shape(node)) - len(given)) + given
    return all(before in (1, after) for before, after in zip(given, shape(node), strict=True))


def _shape_with(user: Node, expanded: Node, given: Node) -> tuple[int, ...]:
    """The shape that `user` would have without the copies."""
    operands = [given if operand is expanded else operand for operand in user.args]
    return np.broadcast_shapes(*(shape(operand) for operand in operands if isinstance(operand, Node)))
