"""A pass that is offered some blocks of a network only."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from torch.fx import GraphModule, Node

from ca_deploy.passes.graph import place
from ca_deploy.passes.protocol import NodePass, Refusal, Rewritten


@dataclass(frozen=True)
class Within:
    """The rewrites of `step` in the blocks that are for it, so its algebra holds here as there.

    Attributes:
        step: the pass.
        blocks: paths of modules; a node belongs to the one that made it, or holds the module that did.
        listed: whether the blocks are where it is done, or else where it is not.
    """

    step: NodePass
    blocks: frozenset[str]
    listed: bool

    @property
    def name(self) -> str:
        """The pass's own."""
        return self.step.name

    def __call__(self, graph: GraphModule) -> Rewritten:
        """Rewrite what lies within."""
        return _Chosen(self)(graph)


class _Chosen(NodePass):
    def __init__(self, within: Within) -> None:
        self.name, self.targets = within.name, within.step.targets
        self._within = within

    def rewrite(self, node: Node) -> Node | Refusal | None:
        inside = block_of(place(node), self._within.blocks) is not None
        return self._within.step.rewrite(node) if inside == self._within.listed else None


def block_of(path: str, blocks: Iterable[str]) -> str | None:
    """The block that a module's path lies in, such as `features.3.conv.6` for `features.3.conv.6.conv1`."""
    return next((block for block in blocks if path == block or path.startswith(f"{block}.")), None)
