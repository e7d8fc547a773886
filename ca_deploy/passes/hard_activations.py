"""h_sigmoid and h_swish (Howard et al., 2019), however they are written."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch.fx import Node

from ca_deploy.passes.clips import clip
from ca_deploy.passes.graph import add_call, source
from ca_deploy.passes.products import Affine, Product, affine_forms, is_within_product, product
from ca_deploy.passes.protocol import NodePass, Refusal, refuse

_aten = torch.ops.aten
_EXACT = 1e-12


@dataclass(frozen=True)
class _Ramp:
    """A factor that is height · h_sigmoid(source)."""

    source: Node
    height: float


class RecogniseHardActivations(NodePass):
    """h_sigmoid(x) = clip(x/6 + 1/2, 0, 1) and h_swish(x) = x · h_sigmoid(x), as one node each.

    c · clip(a·x + b, 0, h) with h > 0 is c·h · h_sigmoid(x) if and only if a/h = 1/6 and b/h = 1/2. A
    product of any factors, in any order and association, with numbers anywhere in it, is read as
    coefficient · factors; where coefficient and heights multiply to 1, each such clip becomes h_sigmoid,
    and h_swish together with its x. Left alone: other clips (5.9, a slope of 0.2), products off by a
    factor, and clips that are used elsewhere.
    """

    name = "recognise h_swish and h_sigmoid"
    targets = frozenset({_aten.mul.Tensor, _aten.div.Tensor, _aten.hardtanh.default})

    def rewrite(self, node: Node) -> Node | Refusal | None:
        """The product with h_swish and h_sigmoid in it."""
        if is_within_product(node) or not node.meta["val"].is_floating_point():
            return None
        form = product(node)
        ramps = {factor: ramp for factor in form.factors if (ramp := _ramp(factor, form.factors)) is not None}
        if not ramps or (node in ramps and ramps[node].height != 1.0):
            return _unlike(node, form)
        scale = form.coefficient * math.prod(ramp.height for ramp in ramps.values())
        if not _equal(scale, 1.0):
            return refuse(node, f"it is {scale:g} times h_swish or h_sigmoid")
        if any(len(factor.users) > 1 for factor in ramps if factor is not node):
            return refuse(node, "the clip in it is used elsewhere, too")
        factors = _activations(node, form.factors, ramps)
        result = factors[0]
        for factor in factors[1:]:
            result = add_call(node, _aten.mul.Tensor, result, factor, like=node)
        return result


def _ramp(factor: Node, factors: Sequence[Node]) -> _Ramp | None:
    """Read a factor as a multiple of h_sigmoid, of another factor if it can be."""
    if factor.target is _aten.hardsigmoid.default:
        return _Ramp(source(factor), 1.0) if source(factor) in factors else None
    bounds = clip(factor)
    if bounds is None or bounds.low != 0.0 or not 0.0 < bounds.high < math.inf:
        return None
    found = [form.source for form in affine_forms(bounds.source) if _is_ramp(form, bounds.high)]
    found.sort(key=lambda candidate: candidate not in factors)
    return _Ramp(found[0], bounds.high) if found else None


def _is_ramp(form: Affine, height: float) -> bool:
    return _equal(form.slope / height, 1 / 6) and _equal(form.offset / height, 1 / 2)


def _equal(one: float, other: float) -> bool:
    return math.isclose(one, other, rel_tol=_EXACT)


def _activations(node: Node, factors: Sequence[Node], ramps: Mapping[Node, _Ramp]) -> list[Node]:
    """The factors, each clip as h_sigmoid, or as h_swish in place of itself and its x."""
    remaining = [factor for factor in factors if factor not in ramps]
    result = []
    for ramp in ramps.values():
        swish = ramp.source in remaining
        if swish:
            remaining.remove(ramp.source)
        target = _aten.hardswish.default if swish else _aten.hardsigmoid.default
        result.append(add_call(node, target, ramp.source, like=node))
    return remaining + result


def _unlike(node: Node, form: Product) -> Refusal | None:
    """A refusal if a clip in the product looks like h_sigmoid and is none."""
    for factor in form.factors:
        bounds = clip(factor)
        if bounds is None or math.isinf(bounds.low) or math.isinf(bounds.high):
            continue
        seen = [affine for affine in affine_forms(bounds.source) if affine.offset != 0.0]
        of_factor = [affine for affine in seen if affine.source in form.factors]
        unit = (bounds.low, bounds.high) == (0.0, 1.0)
        if of_factor or (seen and (unit or form.coefficient != 1.0)):
            shown = (of_factor or seen)[-1]
            return refuse(
                node,
                f"clip({shown.slope:g}·x + {shown.offset:g}, {bounds.low:g}, {bounds.high:g}) is no multiple "
                "of h_sigmoid, clip(x + 3, 0, 6) / 6",
            )
    return None
