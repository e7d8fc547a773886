"""The same call twice."""

from __future__ import annotations

from typing import Any

import torch
from torch._ops import OpOverload
from torch.fx import GraphModule, Node

from ca_deploy.passes.graph import finished
from ca_deploy.passes.protocol import Rewritten


class MergeDuplicates:
    """f(x) and f(x), with the same operator and arguments, are one value. Random operators are left alone."""

    name = "merge duplicates"

    def __call__(self, graph: GraphModule) -> Rewritten:
        """Point every repeated call at the first one, in the order of the graph."""
        count, first = 0, dict[str, Node]()
        for node in list(graph.graph.nodes):
            if (
                not isinstance(node.target, OpOverload)
                or torch.Tag.nondeterministic_seeded in node.target.tags
            ):
                continue
            original = first.setdefault(_key(node), node)
            if original is not node:
                node.replace_all_uses_with(original)
                count += 1
        return Rewritten(finished(graph) if count else graph, count)


def _key(node: Node) -> str:
    """Operator and arguments; nodes are written by their names, which are unique."""
    parts: tuple[Any, ...] = (node.target, node.args, sorted(node.kwargs.items()))
    return repr(parts)
