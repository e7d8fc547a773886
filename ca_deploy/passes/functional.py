"""Mutation away: every in-place operator becomes its functional twin where nothing else sees the change.

A `view`, which asks for elements in order in memory, becomes a `reshape`, which does not.

The tracer already points later uses of a mutated tensor at the in-place call, so that `relu_(x)` may become
`relu(x)` unless another name of the same memory (a view of it, or what it is a view of) is read later on.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import torch
from torch._ops import OpOverload
from torch.fx import GraphModule, Node

_aten = torch.ops.aten

_VIEWS = frozenset({_aten.view.default, _aten._unsafe_view.default})
# These may return their input although their schemas do not say so.
_SILENT_ALIASES = frozenset({_aten.type_as.default, operator.getitem})


def make_functional(graph: GraphModule) -> bool:
    """Replace in-place calls within `graph`; False when one of them is seen through another name.

    The graph is then left half rewritten, fit only to be thrown away.
    """
    position = {node: index for index, node in enumerate(graph.graph.nodes)}
    for node in list(graph.graph.nodes):
        if not _mutates(node):
            continue
        twin = _functional_twin(node.target)
        if twin is None or _seen_elsewhere(node, position):
            return False
        node.target = twin
    for node in graph.graph.nodes:
        if node.target in _VIEWS:  # whose memory is of no interest any more, and so need not lie in order
            node.target = _aten.reshape.default
    graph.recompile()
    return True


def _mutates(node: Node) -> bool:
    return isinstance(node.target, OpOverload) and node.target._schema.is_mutable


def _functional_twin(target: OpOverload) -> Callable[..., Any] | None:
    """`aten.relu.default` for `aten.relu_.default`."""
    name, overload = target._schema.name.removeprefix("aten::"), target._overloadname
    twin = (
        getattr(getattr(_aten, name.removesuffix("_"), None), overload, None) if name.endswith("_") else None
    )
    same = twin is not None and len(twin._schema.arguments) == len(target._schema.arguments)
    return twin if same else None


def _seen_elsewhere(mutation: Node, position: dict[Node, int]) -> bool:
    """Whether a name of the mutated memory, other than `mutation` and its own views, is read after it."""
    names, pending = {mutation}, [mutation.args[0]]
    while pending:
        name = pending.pop()
        if not isinstance(name, Node) or name in names:
            continue
        names.add(name)
        pending += [source for source in name.all_input_nodes if _aliases(name)]
        pending += [user for user in name.users if _aliases(user)]
    readers = {user for name in names - {mutation} for user in name.users if user is not mutation}
    return any(position[reader] > position[mutation] for reader in readers)


def _aliases(node: Node) -> bool:
    """Whether `node` may give the memory of its input back."""
    if node.target in _SILENT_ALIASES:
        return True
    if not isinstance(node.target, OpOverload):
        return False
    if torch.Tag.maybe_aliasing_or_mutating in node.target.tags:
        return True
    return any(result.alias_info is not None for result in node.target._schema.returns)
