"""Pooling over the whole of an axis."""

from __future__ import annotations

import operator
from typing import Any

import torch
from torch.fx import Node

from ca_deploy.passes.graph import add_call, bound, shape, source
from ca_deploy.passes.protocol import NodePass, Refusal, refuse

_aten = torch.ops.aten
_ADAPTIVE = frozenset(
    {_aten.adaptive_avg_pool1d.default, _aten.adaptive_avg_pool2d.default, _aten.adaptive_avg_pool3d.default}
)
_AVERAGE = frozenset({_aten.avg_pool1d.default, _aten.avg_pool2d.default, _aten.avg_pool3d.default})
_ADAPTIVE_MAX = frozenset(
    {_aten.adaptive_max_pool1d.default, _aten.adaptive_max_pool2d.default, _aten.adaptive_max_pool3d.default}
)
_MAX = frozenset({_aten.max_pool1d.default, _aten.max_pool2d.default, _aten.max_pool3d.default})


class PoolsToMeans(NodePass):
    """An average over windows as long as an axis is the mean over that axis; a maximum likewise.

    avg_pool(x) with windows (H, 1) and no padding = mean(x, axis 2, keepdim); likewise for any of the
    spatial axes, adaptive pooling to (1, W), (H, 1) or (1, 1), and maxima (`amax`). Every mean keeps its
    axes; one that did not is followed by a reshape. Left alone: other windows longer than a pixel, padding,
    divisors.
    """

    name = "write global pooling as means"
    targets = _ADAPTIVE | _AVERAGE | _MAX | {operator.getitem, _aten.mean.dim, _aten.amax.default}

    def rewrite(self, node: Node) -> Node | Refusal | None:
        """The mean or maximum over the axes that vanish."""
        if node.target in (_aten.mean.dim, _aten.amax.default):
            return _keeping_axes(node)
        pool = node
        if node.target is operator.getitem:
            pool = source(node)
            if pool.target not in _ADAPTIVE_MAX or node.args[1] != 0:
                return None
        given = source(pool)
        axes = _vanishing_axes(shape(given), shape(node))
        if (
            node.target in _AVERAGE | _MAX
            and axes is not None
            and not _covers(bound(pool), shape(given), axes)
        ):
            axes = None
        if axes is None and _looks_global(pool, shape(given)):
            return refuse(node, f"its windows are not whole axes: {shape(given)} becomes {shape(node)}")
        if not axes:
            return None
        target = _aten.mean.dim if node.target in _ADAPTIVE | _AVERAGE else _aten.amax.default
        return add_call(node, target, given, axes, True, like=node)


def _looks_global(pool: Node, given: tuple[int, ...]) -> bool:
    """Whether a pool has its windows from an axis, or one as long as an axis."""
    kernel = bound(pool).get("kernel_size")
    if kernel is None:
        return True
    return any(size == axis > 1 for size, axis in zip(reversed(kernel), reversed(given), strict=False))


def _vanishing_axes(given: tuple[int, ...], result: tuple[int, ...]) -> list[int] | None:
    """Axes that become 1, or None when an axis becomes anything else."""
    changed = [
        axis for axis, (before, after) in enumerate(zip(given, result, strict=True)) if before != after
    ]
    return changed if all(result[axis] == 1 for axis in changed) else None


def _covers(pool: dict[str, Any], given: tuple[int, ...], axes: list[int]) -> bool:
    """Whether a pool with a window spans exactly `axes` and takes one pixel along the other spatial axes."""
    kernel = pool["kernel_size"]
    spatial = range(len(given) - len(kernel), len(given))
    plain = not any(pool["padding"] if isinstance(pool["padding"], list) else [pool["padding"]])
    plain = plain and pool.get("divisor_override") is None
    dilation = pool.get("dilation", 1)
    plain = plain and all(step == 1 for step in (dilation if isinstance(dilation, list) else [dilation]))
    return plain and all(
        size == (given[axis] if axis in axes else 1) for size, axis in zip(kernel, spatial, strict=True)
    )


def _keeping_axes(node: Node) -> Node | None:
    """The same reduction with its axes kept and in order, then a reshape."""
    values = bound(node)
    rank = len(shape(values["self"]))
    axes = sorted(dim % rank for dim in values["dim"] or range(rank))
    if values["keepdim"] and values["dim"] == axes:
        return None
    target = _aten.mean.dim if node.target is _aten.mean.dim else _aten.amax.default
    reduced = add_call(node, target, source(node), axes, True, like=node)
    if values["keepdim"]:
        return reduced
    return add_call(node, _aten.reshape.default, reduced, list(shape(node)), like=node)
