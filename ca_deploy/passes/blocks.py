"""The attention blocks of a graph: found by their gates, and cut out to be looked at alone."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from math import prod

import torch
from torch import Tensor
from torch.fx import Graph, GraphModule, Node
from torch.utils._pytree import tree_leaves

from ca_deploy.passes.graph import constant, place, shape
from ca_deploy.passes.products import is_within_product, product

_aten = torch.ops.aten
_GATES = frozenset({_aten.sigmoid.default, _aten.hardsigmoid.default})


@dataclass(frozen=True)
class Block:
    """The module that gates a feature map by what it makes of that map.

    Attributes:
        path: of the user's module, such as `features.3.conv.6`.
        source: the map that comes in.
        result: the gated map.
        nodes: all calls that lead from one to the other, in order.
    """

    path: str
    source: Node
    result: Node
    nodes: tuple[Node, ...]

    @property
    def signature(self) -> tuple[object, ...]:
        """What blocks of the same operators and shapes have in common; they cost the same."""
        calls = ((node.target, _sizes(node), _arguments(node)) for node in self.nodes)
        return (shape(self.source), *calls)


def attention_blocks(graph: GraphModule) -> list[Block]:
    """The blocks of a graph, in order.

    A block ends in a product of a map and smaller gates, each a sigmoid of something that was made of the
    map. Products of one module, each of which gates what the one before gave (CBAM's), are one block. What
    one module makes in several places that do not follow each other is left out: its path names no single
    one of them.
    """
    found: list[Block] = []
    for node in graph.graph.nodes:
        source = _gated_map(node)
        path = place(node)
        before = next((one for one in found if one.path == path and one.result is source), None)
        block = None if source is None else _between(path, before.source if before else source, node)
        if block is not None:
            found = [*(one for one in found if one is not before), block]
    paths = [block.path for block in found]
    return [block for block in found if paths.count(block.path) == 1]


def cut_out(block: Block) -> GraphModule:
    """A graph of its own that computes the block's result, with its source as the only input."""
    graph, nodes, constants = Graph(), dict[Node, Node](), dict[str, Tensor]()
    nodes[block.source] = graph.placeholder("x")
    nodes[block.source].meta["val"] = block.source.meta["val"]
    for node in block.nodes:
        for argument in node.all_input_nodes:
            value = constant(argument)
            if value is not None and argument not in nodes:
                constants[str(argument.target)] = value
                nodes[argument] = graph.node_copy(argument, nodes.__getitem__)
        nodes[node] = graph.node_copy(node, nodes.__getitem__)
    graph.output(nodes[block.result])
    return GraphModule(constants, graph)


def values_of(graph: GraphModule, wanted: Iterable[Node], inputs: Tensor) -> dict[Node, Tensor]:
    """What some nodes of a graph give for an input."""
    kept, names = dict[Node, Tensor](), {node.name: node for node in wanted}

    class Noting(torch.fx.Interpreter):
        def run_node(self, n: Node) -> object:
            result = super().run_node(n)
            if n.name in names and isinstance(result, Tensor):
                kept[names[n.name]] = result
            return result

    with torch.no_grad():
        Noting(graph).run(inputs)
    return kept


def gate_products(graph: GraphModule, blocks: Collection[str]) -> list[Node]:
    """The multiplications by gates in the blocks of these paths."""
    return [
        node
        for node in graph.graph.nodes
        if node.target is _aten.mul.Tensor and place(node) in blocks and _has_gate(node)
    ]


def _gated_map(node: Node) -> Node | None:
    """The map that a whole product gates; None if `node` is no such product."""
    if node.target is not _aten.mul.Tensor or is_within_product(node):
        return None
    gates = [factor for factor in product(node).factors if factor.target in _GATES]
    maps = [factor for factor in product(node).factors if factor.target not in _GATES]
    if not gates or len(maps) != 1 or shape(maps[0]) != shape(node):
        return None
    return maps[0] if all(prod(shape(gate)) < prod(shape(node)) for gate in gates) else None


def _has_gate(node: Node) -> bool:
    return any(factor.target in _GATES for factor in product(node).factors)


def _between(path: str, source: Node, result: Node) -> Block | None:
    """The calls that make `result` of `source` and constants; None when they need something else too."""
    needed, pending = {result}, [result]
    while pending:
        for node in pending.pop().all_input_nodes:
            if node is source or node in needed or constant(node) is not None:
                continue
            if node.op != "call_function":
                return None
            needed.add(node)
            pending.append(node)
    if any(not node.all_input_nodes for node in needed):
        return None
    return Block(path, source, result, tuple(node for node in result.graph.nodes if node in needed))


def _arguments(call: Node) -> tuple[object, ...]:
    """Shapes of what a call reads, such as kernels, and its other arguments, such as strides."""
    leaves = tree_leaves((call.args, call.kwargs))
    return tuple(_sizes(leaf) if isinstance(leaf, Node) else leaf for leaf in leaves)


def _sizes(node: Node) -> tuple[tuple[int, ...], ...]:
    """Shapes of what a node gives."""
    return tuple(tuple(value.shape) for value in tree_leaves(node.meta["val"]))
