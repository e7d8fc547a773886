"""Run a graph on any number of images at once, with a look at, and a hand on, every value."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import reduce
from typing import Any

import torch
from torch import Tensor
from torch.fx import GraphModule, Node
from torch.fx.node import Argument, map_arg

_SIZED = frozenset({torch.ops.aten.reshape.default, torch.ops.aten.expand.default})

Finish = Callable[[Node, Any], Any]
"""Takes a call and its value, and gives the value to go on with."""


def run(
    graph: GraphModule,
    images: Tensor,
    finish: Finish,
    constants: Mapping[str, Tensor] | None = None,
    exact: Collection[tuple[Node, Node]] = (),
) -> tuple[Tensor, ...]:
    """The outputs of a graph that was traced with one image, for images (N, C, H, W) float32.

    Args:
        graph: a passed graph.
        images: what goes in.
        finish: called for every call in order, and for the input.
        constants: by name, in place of the graph's own.
        exact: values and operators that read them as they were before `finish`.
    """
    kept = {node for node, _ in exact}
    unfinished: dict[Node, Any] = {}
    last = _last_readers(graph)
    values: dict[Node, Any] = {}
    for node in graph.graph.nodes:
        if node.op == "output":
            (returned,) = map_arg(node.args, values.__getitem__)
            return (returned,) if isinstance(returned, Tensor) else tuple(returned)
        if node.op == "get_attr":
            own = (constants or {}).get(node.target)
            values[node] = reduce(getattr, node.target.split("."), graph) if own is None else own
        else:
            exactly = {used: unfinished[used] for used in node.all_input_nodes if (used, node) in exact}
            given = images if node.op == "placeholder" else _call(node, {**values, **exactly}, len(images))
            values[node] = finish(node, given)
            if node in kept:
                unfinished[node] = given
        for used in last.get(node, ()):
            del values[used]
            unfinished.pop(used, None)
    raise AssertionError("a graph ends with its output")


def objection(graph: GraphModule, images: Tensor) -> str | None:
    """Why a graph cannot be run on several images at once; None when each comes out as it does alone."""
    try:
        together = run(graph, images, lambda _, value: value)
        alone = [run(graph, image[None], lambda _, value: value) for image in images]
    except (IndexError, RuntimeError, TypeError) as error:
        return f"the network does not run on several images at once ({_first_line(error)})"
    for joined, single in zip(together, zip(*alone, strict=True), strict=True):
        expected = torch.cat(single)
        if joined.shape != expected.shape or not _close(joined, expected):
            return "the network's outputs for one image depend on the others"
    return None


def constant_of(argument: Argument) -> Tensor | None:
    """The tensor that a `get_attr` node reads, None for anything else."""
    if not isinstance(argument, Node) or argument.op != "get_attr":
        return None
    value = reduce(getattr, str(argument.target).split("."), argument.graph.owning_module)
    return value if isinstance(value, Tensor) else None


def is_float(node: Node) -> bool:
    """Whether a node gives one float32 tensor."""
    value = node.meta.get("val")
    return isinstance(value, Tensor) and value.dtype == torch.float32


def _close(one: Tensor, other: Tensor) -> bool:
    """Whether two results differ by no more than kernels for other shapes do."""
    return bool((one - other).abs().max() <= 1e-4 * other.abs().max())


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _call(node: Node, values: Mapping[Node, Any], count: int) -> Any:
    args: Any = map_arg(node.args, values.__getitem__)
    kwargs: Any = map_arg(node.kwargs, values.__getitem__)
    if node.target in _SIZED and args[1][0] == 1 and len(args[0]) == count:
        args = (args[0], [count, *args[1][1:]], *args[2:])
    return node.target(*args, **kwargs)  # type: ignore[operator]  # a call_function's target is callable


def _last_readers(graph: GraphModule) -> dict[Node, list[Node]]:
    """What each node is the last to read."""
    last: dict[Node, Node] = {}
    for node in graph.graph.nodes:
        for used in node.all_input_nodes:
            last[used] = node
    readers: dict[Node, list[Node]] = {}
    for used, reader in last.items():
        if reader.op != "output":
            readers.setdefault(reader, []).append(used)
    return readers
