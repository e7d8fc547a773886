"""What all passes share: reading, extending and copying an exported graph.

A graph here is a `torch.fx.GraphModule` of ATen `call_function` nodes and `get_attr` constants, with static
shapes and without mutation. Each node carries `meta["val"]`, a tensor on the meta device with its shape and
dtype (or a sequence of them), and `meta["nn_module_stack"]`, where it came from in the user's network.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping
from functools import reduce
from typing import Any

import torch
from torch import Tensor, nn
from torch._ops import OpOverload
from torch.fx import Graph, GraphModule, Node
from torch.fx.node import Argument, map_arg

_ORIGIN = ("nn_module_stack", "stack_trace")
_WIDTHS = (torch.float32, torch.float64)


def place(node: Node) -> str:
    """Path of the user's module that made `node`, such as `features.3.conv.6`; the network's is `forward`."""
    stack = node.meta.get("nn_module_stack")
    path: str = list(stack.values())[-1][0] if stack else ""
    return path or "forward"


def constant(argument: Argument) -> Tensor | None:
    """The tensor that a `get_attr` node reads, None for anything else."""
    if not isinstance(argument, Node) or argument.op != "get_attr":
        return None
    value = reduce(getattr, str(argument.target).split("."), argument.graph.owning_module)
    return value if isinstance(value, Tensor) else None


def source(node: Node) -> Node:
    """The first argument of a call, where that is the tensor it works on."""
    first = node.args[0]
    assert isinstance(first, Node)
    return first


def shape(node: Node) -> tuple[int, ...]:
    """Static shape of the tensor that `node` gives."""
    return tuple(node.meta["val"].shape)


def bound(node: Node) -> dict[str, Any]:
    """All arguments of an ATen call by the names of its schema, defaults filled in."""
    schema = node.target._schema  # type: ignore[union-attr]  # callers ask ATen calls only
    values = {argument.name: argument.default_value for argument in schema.arguments}
    values.update(zip(values, node.args, strict=False))
    values.update(node.kwargs)
    return values


def add_constant(before: Node, name: str, value: Tensor) -> Node:
    """Register `value` as `name`, behind which underscores make it unique, and read it ahead of `before`."""
    owner: nn.Module | None = before.graph.owning_module
    assert owner is not None
    *path, own_name = name.split(".")
    for part in path:
        if not hasattr(owner, part):
            owner.add_module(part, nn.Module())
        owner = owner.get_submodule(part)
    while hasattr(owner, own_name):
        own_name += "_"
    owner.register_buffer(own_name, value)
    with before.graph.inserting_before(before):
        node = before.graph.get_attr(".".join([*path, own_name]))
    node.meta["val"] = value.to("meta")
    return node


def add_call(
    before: Node, target: Callable[..., Any], *args: Argument, like: Node, **kwargs: Argument
) -> Node:
    """Insert a call ahead of `before`; its shape and dtype are inferred, its place is that of `like`."""
    with before.graph.inserting_before(before):
        node = before.graph.create_node("call_function", target, args, kwargs, name=_name(target))
    node.meta = {key: like.meta[key] for key in _ORIGIN if key in like.meta}
    node.meta["val"] = _inferred(node)
    return node


def finished(graph: GraphModule) -> GraphModule:
    """`graph` itself, ready to run after an edit and without calls that nothing uses."""
    graph.graph.eliminate_dead_code()
    graph.recompile()
    return graph


def cleaned(graph: GraphModule) -> GraphModule:
    """`graph` finished, without the constants that no call reads."""
    return GraphModule(finished(graph), graph.graph)


def copied(graph: GraphModule) -> GraphModule:
    """A graph of its own over the same tensors, to edit while `graph` stays as it is."""
    return GraphModule(graph, copy.deepcopy(graph.graph))


def as_dtype(graph: GraphModule, dtype: torch.dtype) -> GraphModule:
    """A copy that computes in `dtype`, float32 or float64, what `graph` computes in the other of the two.

    It holds only the constants that are read, without the underscores that made new ones unique beside old
    ones; its calls are named `conv2d`, `conv2d_1` and so on in order.
    """
    names = _plain_names(node.target for node in graph.graph.find_nodes(op="get_attr"))
    result, nodes, constants = Graph(), dict[Node, Node](), dict[str, Tensor]()
    for node in graph.graph.nodes:
        args, kwargs = (map_arg(given, nodes.__getitem__) for given in (node.args, node.kwargs))
        name, target = node.name, node.target
        if node.op == "call_function":
            name, args = _name(node.target), _with_dtype(args, dtype)
            kwargs = {key: _with_dtype(argument, dtype) for key, argument in kwargs.items()}
            if not node.all_input_nodes and node.meta["val"].dtype in _WIDTHS:
                kwargs["dtype"] = dtype  # a factory would take the default
        elif node.op == "get_attr":
            value = constant(node)
            assert value is not None
            target = names[target]
            name = target.replace(".", "_")
            constants[target] = value.to(_with_dtype(value.dtype, dtype))
        nodes[node] = result.create_node(node.op, target, args, kwargs, name)
        nodes[node].meta = {**node.meta, "val": _with_dtype(node.meta.get("val"), dtype)}
    result.lint()
    return GraphModule(constants, result)


def _plain_names(names: Iterable[str]) -> dict[str, str]:
    """Each name with as few underscores at its end as keep it apart from the others."""
    given, plain = dict.fromkeys(names), dict[str, str]()
    for name in given:
        short = name.rstrip("_")
        while short in plain.values() or (short != name and short in given and short not in plain):
            short += "_"
        plain[name] = short
    return plain


def _with_dtype(value: Any, dtype: torch.dtype) -> Any:
    """Dtypes, and tensors on the meta device, of `dtype` where they were of the other width."""
    if isinstance(value, Tensor):
        return torch.empty(value.shape, dtype=_with_dtype(value.dtype, dtype), device="meta")
    if isinstance(value, torch.dtype):
        return dtype if value in _WIDTHS else value
    if isinstance(value, list | tuple):
        return type(value)(_with_dtype(item, dtype) for item in value)
    return value


def on_meta(values: Any) -> Any:
    """Tensors, alone or in sequences, as tensors of the same shape and dtype on the meta device."""
    if isinstance(values, Tensor):
        return torch.empty(values.shape, dtype=values.dtype, device="meta")
    if isinstance(values, list | tuple):
        return [on_meta(value) for value in values]
    return values


def _name(target: Callable[..., Any]) -> str:
    """`conv2d` for `aten.conv2d.default`."""
    return target._opname if isinstance(target, OpOverload) else target.__name__


def _inferred(node: Node) -> Any:
    values: Mapping[Node, Any] = {used: used.meta["val"] for used in node.all_input_nodes}
    args = map_arg(node.args, values.__getitem__)
    kwargs = map_arg(node.kwargs, values.__getitem__)
    with torch.no_grad():
        return node.target(*args, **kwargs)  # type: ignore[operator]  # a call_function's target is callable
