"""Clips to a range, however they are written."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch.fx import Node

from ca_deploy.passes.graph import add_call, bound
from ca_deploy.passes.protocol import NodePass, Refusal

_aten = torch.ops.aten
_CLIPS = frozenset(
    {
        _aten.clamp.default,
        _aten.clamp_max.default,
        _aten.clamp_min.default,
        _aten.hardtanh.default,
        _aten.relu.default,
        _aten.relu6.default,
    }
)


@dataclass(frozen=True)
class Clip:
    """min(max(source, low), high); a missing bound is infinite."""

    source: Node
    low: float
    high: float


def clip(node: object) -> Clip | None:
    """Read one clip in any of its spellings, None for all else."""
    if not isinstance(node, Node) or node.target not in _CLIPS or not node.meta["val"].is_floating_point():
        return None
    values = bound(node)
    low, high = values.get("min", values.get("min_val")), values.get("max", values.get("max_val"))
    if node.target in (_aten.relu.default, _aten.relu6.default):
        low, high = 0.0, 6.0 if node.target is _aten.relu6.default else None
    low = -math.inf if low is None else float(low)
    high = math.inf if high is None else float(high)
    return Clip(values["self"], low, high) if low <= high else None


class SpellClips(NodePass):
    """min(max(min(max(x, a), b), c), d) = min(max(x, p), q) with p, q = a, b clipped to [c, d].

    The spellings that remain: `relu` for [0, ∞), `hardtanh` for two finite bounds (ReLU6 is hardtanh(0, 6)),
    `clamp_min` and `clamp_max` for one. A clip inside another stays apart if something else uses it.
    """

    name = "write clips one way"
    targets = _CLIPS

    def rewrite(self, node: Node) -> Node | Refusal | None:
        """The clip in its one spelling, merged with the clips that feed only it."""
        found = clip(node)
        if found is None:
            return None
        outer, inner = found, clip(found.source)
        while inner is not None and len(outer.source.users) == 1:
            low, high = (min(max(bound, outer.low), outer.high) for bound in (inner.low, inner.high))
            outer = Clip(inner.source, low, high)
            inner = clip(outer.source)
        target, bounds = _spelling(outer)
        if outer is found and node.target is target and node.args[1:] == bounds:
            return None
        return add_call(node, target, outer.source, *bounds, like=node)


def _spelling(form: Clip) -> tuple[torch._ops.OpOverload, tuple[float, ...]]:
    if math.isinf(form.low):
        return _aten.clamp_max.default, (form.high,)
    if math.isfinite(form.high):
        return _aten.hardtanh.default, (form.low, form.high)
    return (_aten.relu.default, ()) if form.low == 0.0 else (_aten.clamp_min.default, (form.low,))
