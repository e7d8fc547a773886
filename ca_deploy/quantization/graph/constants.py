"""A graph with other constants."""

from __future__ import annotations

import copy
from collections.abc import Mapping

from torch import Tensor
from torch.fx import GraphModule


def with_constants(graph: GraphModule, constants: Mapping[str, Tensor]) -> GraphModule:
    """A copy of a graph that reads other constants, by name."""
    result = GraphModule(graph, copy.deepcopy(graph.graph))
    for name, value in constants.items():
        owner, _, own_name = name.rpartition(".")
        result.get_submodule(owner).register_buffer(own_name, value.clone())
    return result
