"""Products and affine functions of tensors, read back through however many nodes they were written in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch.fx import Node

_aten = torch.ops.aten
_PRODUCTS = frozenset({_aten.mul.Tensor, _aten.div.Tensor})
_SUMS = frozenset({_aten.add.Tensor, _aten.sub.Tensor})


@dataclass(frozen=True)
class Product:
    """coefficient · Π factors."""

    coefficient: float
    factors: tuple[Node, ...]


@dataclass(frozen=True)
class Affine:
    """slope · source + offset."""

    source: Node
    slope: float
    offset: float


def product(node: Node) -> Product:
    """`node` as a product; what several nodes use is a factor of its own."""
    if node.target not in _PRODUCTS or node.kwargs:
        return Product(1.0, (node,))
    one, other = node.args
    if isinstance(other, Node) and node.target is _aten.div.Tensor:
        return Product(1.0, (node,))
    coefficient, factors = 1.0, tuple[Node, ...]()
    for operand in (one, other):
        if isinstance(operand, Node):
            part = product(operand) if len(operand.users) == 1 else Product(1.0, (operand,))
            coefficient, factors = coefficient * part.coefficient, factors + part.factors
        else:
            number = float(operand)  # type: ignore[arg-type]  # the other operand of an ATen product
            coefficient *= number if node.target is _aten.mul.Tensor else 1 / number
    return Product(coefficient, factors)


def is_within_product(node: Node) -> bool:
    """Whether a larger product takes `node` in."""
    users = list(node.users)
    return len(users) == 1 and product(users[0]).factors != (users[0],)


def affine_forms(node: Node) -> Iterator[Affine]:
    """`node` as slope · source + offset for every source that can be seen, from `node` itself backwards."""
    form, step = Affine(node, 1.0, 0.0), _affine_step(node)
    yield form
    while step is not None:
        form = Affine(step.source, form.slope * step.slope, form.slope * step.offset + form.offset)
        yield form
        step = _affine_step(form.source)


def _affine_step(node: Node) -> Affine | None:
    if node.target not in _PRODUCTS | _SUMS or node.kwargs:
        return None
    source, number = node.args
    if isinstance(number, Node):
        return None
    value = float(number)  # type: ignore[arg-type]  # the number beside a tensor
    assert isinstance(source, Node)
    if node.target is _aten.add.Tensor:
        return Affine(source, 1.0, value)
    if node.target is _aten.sub.Tensor:
        return Affine(source, 1.0, -value)
    return Affine(source, value if node.target is _aten.mul.Tensor else 1 / value, 0.0)
