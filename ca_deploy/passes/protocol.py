"""What a pass is: a function from graph to graph that keeps the mathematics and says so."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from torch.fx import GraphModule, Node

from ca_deploy.passes.graph import finished, place


@dataclass(frozen=True)
class Refusal:
    """Something that looked like a pass's pattern and was left alone.

    Attributes:
        place: path of the user's module.
        reason: why rewriting it would change the mathematics, in a few words.
    """

    place: str
    reason: str


@dataclass(frozen=True)
class Rewritten:
    """The rewritten graph, how many rewrites were made (0: the graph is as it was), and what was refused."""

    graph: GraphModule
    count: int
    refusals: tuple[Refusal, ...] = ()


class Pass(Protocol):
    """A function from graph to graph, whose docstring states the algebra.

    It owns the graph that it is given and may edit it in place. Tensors stay as they are: new values get new
    names.
    """

    @property
    def name(self) -> str:
        """What the pass did, for logs and reports."""

    def __call__(self, graph: GraphModule) -> Rewritten:
        """Rewrite `graph` wherever the pass's algebra holds."""


class NodePass(ABC):
    """A pass that decides node by node, in the order of the graph.

    Attributes:
        name: what the pass did, for logs and reports.
        targets: the ATen operators that it looks at.
    """

    name: str
    targets: frozenset[Callable[..., Any]]

    @abstractmethod
    def rewrite(self, node: Node) -> Node | Refusal | None:
        """What takes the place of `node`: a node ahead of it, a refusal, or None where nothing matches."""

    def __call__(self, graph: GraphModule) -> Rewritten:
        """Offer each node with one of the targets to `rewrite`."""
        count, refusals = 0, []
        for node in list(graph.graph.nodes):
            if node.op != "call_function" or node.target not in self.targets or not node.users:
                continue
            outcome = self.rewrite(node)
            if isinstance(outcome, Refusal):
                refusals.append(outcome)
            elif outcome is not None:
                node.replace_all_uses_with(outcome)
                graph.graph.erase_node(node)
                count += 1
        return Rewritten(finished(graph) if count else graph, count, tuple(refusals))


def refuse(node: Node, reason: str) -> Refusal:
    """A refusal at the place of `node`."""
    return Refusal(place(node), reason)
