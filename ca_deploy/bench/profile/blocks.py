"""Attention blocks in a `.tflite` graph, found by their form, whatever made the file.

An attention block starts at a tensor that several nodes read, ends in the multiplication that all of its ways
lead to, and reduces the tensor on one of them:

    x -> MEAN -> ... -> gate
    x ------------------------> MUL(x, gate)

That is so for coordinate attention, SE and each half of CBAM. A residual addition ends in an ADD, and
x * relu6(x + 3) reduces nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from ca_deploy.runtimes.litert import Node

Shape = tuple[int | None, ...]

_REDUCTIONS = frozenset({"MEAN", "SUM", "REDUCE_MAX", "AVERAGE_POOL_2D", "MAX_POOL_2D"})


def attention_blocks(nodes: Sequence[Node], shapes: Mapping[int, Shape]) -> list[tuple[Node, ...]]:
    """The nodes of every attention block, in the order of the file.

    Args:
        nodes: of the main graph, each behind those whose tensors it reads.
        shapes: of the tensors.
    """
    readers = Counter(tensor for node in nodes for tensor in set(node.inputs))
    found: list[tuple[Node, ...]] = []
    for place, node in enumerate(nodes):
        for tensor in node.outputs:
            block = _until_ways_meet(tensor, nodes[place + 1 :], readers) if readers[tensor] > 1 else ()
            within_another = any(block and block[-1] in other for other in found)
            if _is_attention(block, shapes) and not within_another:
                found.append(block)
    return found


def _is_attention(block: tuple[Node, ...], shapes: Mapping[int, Shape]) -> bool:
    return bool(block) and block[-1].operator == "MUL" and any(_reduces(node, shapes) for node in block)


def _reduces(node: Node, shapes: Mapping[int, Shape]) -> bool:
    """Whether a node leaves one value of an axis; a depthwise convolution as large as its input does too."""
    if node.operator in _REDUCTIONS:
        return True
    before, after = (shapes.get(tensor, ()) for tensor in (node.inputs[0], node.outputs[0]))
    return len(before) == len(after) and any(b != 1 == a for b, a in zip(before, after, strict=True))


def _until_ways_meet(start: int, behind: Sequence[Node], readers: Counter[int]) -> tuple[Node, ...]:
    """The nodes from a tensor to the one that every way from it leads through; empty when there is none."""
    open_ways = {start: readers[start]}  # tensors from the start on, and how many are still to read them
    block = []
    for node in behind:
        read = set(node.inputs) & set(open_ways)
        if not read:
            continue
        block.append(node)
        for tensor in read:
            open_ways[tensor] -= 1
            if not open_ways[tensor]:
                del open_ways[tensor]
        if not open_ways:
            return tuple(block)
        open_ways |= {tensor: readers[tensor] for tensor in node.outputs}
    return ()
