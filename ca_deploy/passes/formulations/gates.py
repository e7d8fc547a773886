"""In which order a feature map meets its two gates."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import torch
from torch.fx import Node

from ca_deploy.passes.graph import add_call, shape
from ca_deploy.passes.products import is_within_product, product
from ca_deploy.passes.protocol import NodePass

_MUL = torch.ops.aten.mul.Tensor


@dataclass(frozen=True)
class _Gated:
    """x · first · second, both gates smaller than x, in the order in which they are multiplied."""

    x: Node
    first: Node
    second: Node


class SwapGates(NodePass):
    """x · a · b = x · b · a, for a map x and two gates that are smaller than it.

    Which gate comes first decides which full-size multiplication reads along the rows of the map and which
    across them. Left alone: products of other than three factors.
    """

    name = "swap the gates"
    targets = frozenset({_MUL})

    def rewrite(self, node: Node) -> Node | None:
        """The product in the other order."""
        found = _gated(node)
        if found is None:
            return None
        return add_call(
            node, _MUL, add_call(node, _MUL, found.x, found.second, like=node), found.first, like=node
        )


class MultiplyGatesFirst(NodePass):
    """x · a · b = x · (a · b): of a row and a column their outer product, then one product without broadcast.

    Left alone: products of other than three factors.
    """

    name = "multiply the gates first"
    targets = frozenset({_MUL})

    def rewrite(self, node: Node) -> Node | None:
        """The map times the gates' outer product."""
        found = _gated(node)
        if found is None:
            return None
        outer = add_call(node, _MUL, found.first, found.second, like=node)
        return add_call(node, _MUL, found.x, outer, like=node)


def _gated(node: Node) -> _Gated | None:
    """Read a whole product of a map and two gates that are multiplied in turn."""
    whole = product(node)
    if is_within_product(node) or whole.coefficient != 1.0 or len(whole.factors) != 3:
        return None
    x, *gates = sorted(whole.factors, key=lambda factor: -prod(shape(factor)))  # stable: gates in their order
    if shape(x) != shape(node) or any(shape(gate) == shape(x) for gate in gates):
        return None
    inner = next((a for a in node.args if isinstance(a, Node) and a not in whole.factors), None)
    if inner is None or x not in inner.args:
        return None
    first = next(gate for gate in gates if gate in inner.args)
    return _Gated(x, first, next(gate for gate in gates if gate is not first))
