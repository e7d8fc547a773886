"""Lowest and highest value of each channel of chosen tensors."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.fx import GraphModule, Interpreter, Node

ChannelRange = tuple[Tensor, Tensor]
"""Lows and highs, each (C,) float64."""


def channel_ranges(
    graph: GraphModule, nodes: Iterable[Node], examples: Sequence[Tensor]
) -> dict[Node, ChannelRange]:
    """Ranges over all examples of each node's channels (axis 1).

    Args:
        graph: what the nodes belong to.
        nodes: tensors (N, C, ...).
        examples: inputs of the captured shape, NCHW, in the graph's own dtype.
    """
    watcher = _Watcher(graph, nodes)
    with torch.no_grad():
        for example in examples:
            watcher.run(example)
    return watcher.ranges


class _Watcher(Interpreter):
    """Runs a graph and widens ranges by what it sees."""

    def __init__(self, graph: GraphModule, nodes: Iterable[Node]) -> None:
        super().__init__(graph)
        self.ranges: dict[Node, ChannelRange] = {}
        self._nodes = frozenset(nodes)

    def run_node(self, n: Node) -> Any:
        """Run one node as ever, and look at what it gives."""
        value = super().run_node(n)
        if n in self._nodes:
            rows = value.transpose(0, 1).flatten(1).double()
            low, high = rows.amin(1), rows.amax(1)
            before = self.ranges.get(n, (low, high))
            self.ranges[n] = torch.minimum(low, before[0]), torch.maximum(high, before[1])
        return value
