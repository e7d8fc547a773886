"""Which operators of a `.tflite` file a delegate takes, read from the runtime that runs it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ca_deploy.runtimes.litert import LiteRT, Node
from ca_deploy.verify.node_facts import NodeFacts, node_facts
from ca_deploy.verify.xnnpack import why_refused

_PARTITION = "DELEGATE"  # the runtime's name for a node that stands for one partition


@dataclass(frozen=True)
class OutsideNode:
    """A node that no delegate took.

    Attributes:
        index: its number in the file.
        operator: its TFLite name.
        output: the name of the first tensor that it writes.
        reason: why, from our own table; None when the table does not know.
    """

    index: int
    operator: str
    output: str
    reason: str | None


@dataclass(frozen=True)
class Delegation:
    """What XNNPACK takes of a file.

    Attributes:
        runtime: name and version, such as `LiteRT 2.3.0`.
        nodes: operators in the file.
        delegated: operators that XNNPACK took.
        partitions: the pieces that it took them in; between them values leave XNNPACK and come back.
        outside: the operators that it left.
    """

    runtime: str
    nodes: int
    delegated: int
    partitions: int
    outside: tuple[OutsideNode, ...]


def check_delegation(source: Path | bytes) -> Delegation:
    """Load a `.tflite` file on LiteRT and read which nodes XNNPACK took.

    Raises:
        UserError: when the file cannot be loaded.
    """
    content = source.read_bytes() if isinstance(source, Path) else source
    runtime = LiteRT(source)
    return delegation(f"{runtime.name} {runtime.version}", content, runtime.nodes)


def delegation(runtime: str, content: bytes, nodes: Sequence[Node]) -> Delegation:
    """Explain the nodes that a runtime lists after delegation.

    Args:
        runtime: its name and version.
        content: the file that it loaded.
        nodes: what it lists: the file's nodes, then one for each partition.
    """
    partitions = [n for n in nodes if n.operator == _PARTITION]
    taken = delegated_nodes(nodes)
    facts = node_facts(content)
    return Delegation(
        runtime=runtime,
        nodes=len(facts),
        delegated=len(taken),
        partitions=len(partitions),
        outside=tuple(_outside(f, runtime) for f in facts if f.index not in taken),
    )


def delegated_nodes(nodes: Sequence[Node]) -> frozenset[int]:
    """The numbers of the file's nodes that lie in partitions.

    The runtime lists each partition with the tensors that enter and leave it, not with its members: those
    are the nodes that are met on the way back from what leaves to what enters. A node whose result nothing
    reads is met on no way and counts as left; converters write none.
    """
    writers = {tensor: n for n in nodes if n.operator != _PARTITION for tensor in n.outputs}
    members: set[int] = set()
    for partition in nodes:
        if partition.operator == _PARTITION:
            members |= _written_within(partition, writers)
    return frozenset(members)


def _written_within(partition: Node, writers: dict[int, Node]) -> set[int]:
    entering, pending, members = set(partition.inputs), list(partition.outputs), set[int]()
    while pending:
        tensor = pending.pop()
        writer = writers.get(tensor)
        if writer and tensor not in entering and writer.index not in members:
            members.add(writer.index)
            pending += writer.inputs
    return members


def _outside(node: NodeFacts, runtime: str) -> OutsideNode:
    return OutsideNode(
        index=node.index,
        operator=node.operator,
        output=node.outputs[0].name,
        reason=why_refused(node, runtime, _refused_here),
    )


def _refused_here(probe: bytes) -> bool:
    return not delegated_nodes(LiteRT(probe).nodes)
