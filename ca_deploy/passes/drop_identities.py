"""Operators that give their input back."""

from __future__ import annotations

import torch
from torch.fx import Node

from ca_deploy.passes.graph import bound, source
from ca_deploy.passes.protocol import NodePass, Refusal

_aten = torch.ops.aten

# Identities whenever the result has its input's shape and dtype.
_KEEPS_VALUES = frozenset(
    {
        _aten.adaptive_avg_pool1d.default,
        _aten.adaptive_avg_pool2d.default,
        _aten.adaptive_avg_pool3d.default,
        _aten.alias.default,
        _aten.alpha_dropout.default,
        _aten.amax.default,
        _aten.broadcast_to.default,
        _aten.clone.default,
        _aten.contiguous.default,
        _aten.detach.default,
        _aten.dropout.default,
        _aten.expand.default,
        _aten.expand_as.default,
        _aten.feature_dropout.default,
        _aten.flatten.using_ints,
        _aten.lift_fresh_copy.default,
        _aten.mean.dim,
        _aten.repeat.default,
        _aten.reshape.default,
        _aten.slice.Tensor,
        _aten.squeeze.default,
        _aten.squeeze.dim,
        _aten.squeeze.dims,
        _aten.to.device,
        _aten.to.dtype,
        _aten.to.dtype_layout,
        _aten.to.other,
        _aten._to_copy.default,
        _aten.type_as.default,
        _aten.view.default,
    }
)
# The number that makes each of them an identity.
_NEUTRAL = {
    _aten.add.Tensor: 0,
    _aten.sub.Tensor: 0,
    _aten.mul.Tensor: 1,
    _aten.div.Tensor: 1,
    _aten.pow.Tensor_Scalar: 1,
}
_POOLS = frozenset(
    {_aten.avg_pool1d.default, _aten.avg_pool2d.default, _aten.avg_pool3d.default, _aten.max_pool2d.default}
)
_MOVES = frozenset({_aten.permute.default, _aten.transpose.int})
_PADS = frozenset({_aten.constant_pad_nd.default, _aten.pad.default})


class DropIdentities(NodePass):
    """f(x) = x: dropout at inference, copies, casts to the same dtype, reshapes to the same shape, x·1, x+0.

    Pooling by windows of one pixel, padding by nothing, and means over axes of one element are among them.
    """

    name = "drop identities"
    targets = _KEEPS_VALUES | _NEUTRAL.keys() | _POOLS | _MOVES | _PADS

    def rewrite(self, node: Node) -> Node | Refusal | None:
        """The input."""
        given, result = source(node).meta["val"], node.meta["val"]
        if given.shape != result.shape or given.dtype != result.dtype:
            return None
        return source(node) if _is_identity(node) else None


def _is_identity(node: Node) -> bool:
    """Whether a call that keeps shape and dtype keeps the values, too."""
    values = bound(node)
    if node.target in _NEUTRAL:
        return bool(node.args[1] == _NEUTRAL[node.target])
    if node.target in _POOLS:
        return all(size == 1 for size in values["kernel_size"]) and not any(_listed(values["padding"]))
    if node.target in _PADS:
        return not any(values["pad"])
    if node.target is _aten.permute.default:
        rank = node.meta["val"].dim()
        return [dim % rank for dim in values["dims"]] == list(range(rank))
    if node.target is _aten.transpose.int:
        rank = node.meta["val"].dim()
        return bool(values["dim0"] % rank == values["dim1"] % rank)
    return True


def _listed(value: int | list[int]) -> list[int]:
    return [value] if isinstance(value, int) else value
