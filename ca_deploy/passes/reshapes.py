"""Everything that keeps the elements in order, as one reshape to a static shape."""

from __future__ import annotations

import torch
from torch.fx import Node

from ca_deploy.passes.graph import add_call, bound, shape, source
from ca_deploy.passes.protocol import NodePass, Refusal, refuse

_aten = torch.ops.aten
_RESHAPES = frozenset(
    {
        _aten.flatten.using_ints,
        _aten.reshape.default,
        _aten.squeeze.default,
        _aten.squeeze.dim,
        _aten.squeeze.dims,
        _aten.unflatten.int,
        _aten.unsqueeze.default,
        _aten.view.default,
        _aten._unsafe_view.default,
    }
)
_MOVES = frozenset({_aten.permute.default, _aten.transpose.int, _aten.t.default, _aten.mT.default})


class MovesToReshapes(NodePass):
    """A transpose that keeps the order of all axes longer than 1 keeps the elements in order: a reshape.

    (N, C, W, 1) transposed to (N, C, 1, W) moves nothing. Reshapes compose: reshape(reshape(x, s), t) =
    reshape(x, t), and reshape(x, shape of x) = x. Left alone: transposes that move elements.
    """

    name = "write transposes of unit axes as reshapes"
    targets = _RESHAPES | _MOVES

    def rewrite(self, node: Node) -> Node | Refusal | None:
        """A reshape of the first tensor in a chain of reshapes, or that tensor itself."""
        given = source(node)
        if node.target in _MOVES and not _keeps_order(node):
            reason = f"moves axes longer than 1: {shape(given)} becomes {shape(node)}"
            return refuse(node, reason) if _moves_unit_axes(node) else None
        while given.target is _aten.reshape.default:
            given = source(given)
        if shape(given) == shape(node):
            return given
        if node.target is _aten.reshape.default and node.args == (given, list(shape(node))):
            return None
        return add_call(node, _aten.reshape.default, given, list(shape(node)), like=node)


def _keeps_order(node: Node) -> bool:
    given = shape(source(node))
    axes = [axis for axis in _order(node, len(given)) if given[axis] > 1]
    return axes == sorted(axes)


def _moves_unit_axes(node: Node) -> bool:
    given = shape(source(node))
    return any(axis != place and given[axis] == 1 for place, axis in enumerate(_order(node, len(given))))


def _order(node: Node, rank: int) -> list[int]:
    """Which axis of its input each axis of the result is."""
    values = bound(node)
    if node.target is _aten.permute.default:
        return [dim % rank for dim in values["dims"]]
    order = list(range(rank))
    if rank > 1:
        one, other = values.get("dim0", -1) % rank, values.get("dim1", -2) % rank
        order[one], order[other] = order[other], order[one]
    return order
