"""Tensors that have to share their quantization parameters."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Generic, TypeVar

Tensor = TypeVar("Tensor", bound=Hashable)


class Groups(Generic[Tensor]):
    """Disjoint sets of tensors (union-find)."""

    def __init__(self) -> None:
        self._parents: dict[Tensor, Tensor] = {}

    def tie(self, members: list[Tensor]) -> None:
        """Join the sets of all members."""
        for member in members[1:]:
            self._parents[self._root(member)] = self._root(members[0])

    def of(self, tensors: Iterable[Tensor]) -> Iterable[list[Tensor]]:
        """The sets that these tensors fall into."""
        groups: dict[Tensor, list[Tensor]] = {}
        for tensor in tensors:
            groups.setdefault(self._root(tensor), []).append(tensor)
        return groups.values()

    def _root(self, tensor: Tensor) -> Tensor:
        while self._parents.setdefault(tensor, tensor) != tensor:
            tensor = self._parents[tensor]
        return tensor
