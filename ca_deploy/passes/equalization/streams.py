"""Residual streams: tensors that layers write, sums join and layers read, all of it linear."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch.fx import GraphModule, Node

from ca_deploy.passes.graph import shape
from ca_deploy.passes.layers import Layer, layer
from ca_deploy.passes.protocol import Refusal, refuse

_ADD = torch.ops.aten.add.Tensor


@dataclass(frozen=True)
class Stream:
    """One set of tensors that can only change scale together, channel by channel.

    Attributes:
        writers: layers whose outputs are in the stream.
        sums: additions of two tensors of the stream, in the order of the graph.
        readers: layers that take a tensor of the stream in.
    """

    writers: tuple[Layer, ...]
    sums: tuple[Node, ...]
    readers: tuple[Layer, ...]

    @property
    def members(self) -> tuple[Node, ...]:
        """Every tensor of the stream."""
        return (*(writer.node for writer in self.writers), *self.sums)

    @property
    def keeps_offsets(self) -> bool:
        """Whether a constant added to the stream reaches every reader whole: none sees padding beside it."""
        return not any(reader.padded for reader in self.readers)


def find_streams(graph: GraphModule) -> tuple[list[Stream], list[Refusal]]:
    """All streams with a writer and a reader, and what looked like one: the reason is in the refusal."""
    streams, refusals = [], []
    for members in _connected(graph.graph.nodes):
        inner = set(members)
        if not any(_joins(user, inner) or layer(user) for node in members for user in node.users):
            continue
        reason = _obstacle(members, inner)
        if reason is not None:
            refusals.append(refuse(members[-1], reason))
            continue
        readers = {user: None for node in members for user in node.users if user not in inner or layer(user)}
        streams.append(
            Stream(
                tuple(found for node in members if (found := layer(node)) is not None),
                tuple(node for node in members if node.target is _ADD),
                tuple(found for user in readers if (found := layer(user)) is not None),
            )
        )
    return streams, refusals


def _connected(nodes: Iterable[Node]) -> list[list[Node]]:
    """Layers' outputs, grouped by the sums that join them; each group in the order of the graph."""
    order = list(nodes)
    groups: dict[Node, list[Node]] = {}
    for node in order:
        if layer(node) is not None:
            groups.setdefault(node, [node])
        elif _is_sum(node):
            joined = [node]
            for operand in node.all_input_nodes:
                joined += [member for member in groups.get(operand, [operand]) if member not in joined]
            groups.update(dict.fromkeys(joined, joined))
    position = {node: index for index, node in enumerate(order)}
    unique = {id(group): group for group in groups.values()}
    return [sorted(group, key=position.__getitem__) for group in unique.values()]


def _is_sum(node: Node) -> bool:
    """Whether `node` adds two computed tensors of the same shape."""
    if node.target is not _ADD or node.kwargs or not all(isinstance(value, Node) for value in node.args):
        return False
    return all(value.op != "get_attr" and shape(value) == shape(node) for value in node.all_input_nodes)


def _joins(user: Node, members: set[Node]) -> bool:
    return user in members and _is_sum(user)


def _obstacle(members: list[Node], inner: set[Node]) -> str | None:
    """Why the members cannot be scaled per channel."""
    for node in members:
        if layer(node) is None and not _is_sum(node):
            return f"it also holds the result of {node.target}, which cannot take a scale per channel"
        for user in node.users:
            if _joins(user, inner):
                continue
            reader = layer(user)
            if reader is None or user.args[0] is not node:
                name = "the network's caller" if user.op == "output" else str(user.target)
                return f"it is also read by {name}, which is no layer that could undo a scale"
            if reader.transposed:
                return "it is also read by a transposed convolution"
    return None
