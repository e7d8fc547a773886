"""Whatever the network computes from its constants alone, computed once."""

from __future__ import annotations

import torch
from torch._ops import OpOverload
from torch.fx import GraphModule, Node
from torch.fx.node import map_arg

from ca_deploy.passes.graph import add_constant, constant, finished
from ca_deploy.passes.protocol import Rewritten

_aten = torch.ops.aten
_ENLARGING = frozenset({_aten.expand.default, _aten.expand_as.default, _aten.repeat.default})


class FoldConstants:
    """f(c) is a constant for every operator f whose inputs are constants: reparametrized weights, grids.

    Left alone: operators that only repeat a constant, which would store it many times over.
    """

    name = "fold constants"

    def __call__(self, graph: GraphModule) -> Rewritten:
        """Fold in the order of the graph, so that chains fold as a whole."""
        count = 0
        for node in list(graph.graph.nodes):
            if _foldable(node):
                with torch.no_grad():
                    value = node.target(*map_arg(node.args, constant), **map_arg(node.kwargs, constant))
                node.replace_all_uses_with(add_constant(node, node.name, value))
                count += 1
        return Rewritten(finished(graph) if count else graph, count)


def _foldable(node: Node) -> bool:
    return (
        isinstance(node.target, OpOverload)
        and node.target not in _ENLARGING
        and torch.Tag.nondeterministic_seeded not in node.target.tags
        and isinstance(node.meta["val"], torch.Tensor)
        and all(constant(used) is not None for used in node.all_input_nodes)
    )
