"""Constants as a float32 network means them: one-element tensors as numbers, and 1/6 for 0.16666667.

Both keep every float32 result bit for bit: a number beside a float32 tensor is rounded to float32 before
use, and a literal that rounds to the same float32 value as 1/6 stands for 1/6. The passes then compute with
it in float64.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch._ops import OpOverload
from torch.fx import GraphModule, Node

from ca_deploy.passes.graph import constant

_aten = torch.ops.aten
_SIXTH = 1 / 6
_COPIES = frozenset(
    {_aten.lift_fresh_copy.default, _aten.detach.default, _aten.clone.default, _aten.alias.default}
)
_COMMUTATIVE = frozenset({_aten.add.Tensor, _aten.mul.Tensor, _aten.minimum.default, _aten.maximum.default})
_WITH_NUMBER: dict[object, OpOverload] = {
    _aten.add.Tensor: _aten.add.Tensor,
    _aten.sub.Tensor: _aten.sub.Tensor,
    _aten.mul.Tensor: _aten.mul.Tensor,
    _aten.div.Tensor: _aten.div.Tensor,
    _aten.minimum.default: _aten.clamp_max.default,
    _aten.maximum.default: _aten.clamp_min.default,
    _aten.clamp_min.Tensor: _aten.clamp_min.default,
    _aten.clamp_max.Tensor: _aten.clamp_max.default,
    _aten.clamp.Tensor: _aten.clamp.default,
}


def read_literals(graph: GraphModule) -> None:
    """Rewrite the literals of `graph` in place."""
    for node in graph.graph.nodes:
        if node.target in _WITH_NUMBER:
            _use_numbers(node)
        if node.op == "call_function":
            node.args = tuple(_meant(argument) for argument in node.args)
    graph.recompile()


def _use_numbers(node: Node) -> None:
    args = list(node.args)
    if node.target in _COMMUTATIVE and _number(args[0]) is not None:
        args[:2] = args[1], args[0]
    numbers = [_number(argument) for argument in args[1:]]
    first = args[0]
    if not isinstance(first, Node) or not _same_type(first.meta["val"], node.meta["val"]):
        return
    if any(isinstance(argument, Node) and n is None for argument, n in zip(args[1:], numbers, strict=True)):
        return
    node.args = (
        first,
        *(argument if n is None else n for argument, n in zip(args[1:], numbers, strict=True)),
    )
    node.target = _WITH_NUMBER[node.target]


def _number(argument: Any) -> float | int | None:
    """The value of a one-element constant, through copies of it; None for all else."""
    while isinstance(argument, Node) and argument.target in _COPIES:
        argument = argument.args[0]
    value = constant(argument)
    return value.item() if value is not None and value.numel() == 1 else None


def _same_type(one: Tensor, other: Tensor) -> bool:
    return one.shape == other.shape and one.dtype == other.dtype


def _meant(argument: Any) -> Any:
    if isinstance(argument, float) and torch.tensor(argument) == torch.tensor(_SIXTH):
        return _SIXTH
    return argument
