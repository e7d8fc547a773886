"""Which formulations are tried: keys that influence each other together, the others after one another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from typing import get_args

from ca_deploy.recipe import Formulation

Axis = tuple[str, ...]
"""Keys of a formulation that are chosen together."""

AXES: tuple[Axis, ...] = (("convolution", "pooling"), ("h_swish",), ("gates",))
"""Where the means stand decides how large they are, so that the two are tried in every combination."""

FLOAT_AXES: tuple[Axis, ...] = (("convolution", "pooling"), ("h_swish",), ("gates", "arithmetic"))
"""With float multiplications allowed, whose best order is another than that of int8."""


def candidates(current: Formulation, axis: Axis) -> list[Formulation]:
    """All formulations that differ from the current one in keys of one axis only."""
    options = [_values(key) for key in axis]
    every = (current.model_copy(update=dict(zip(axis, values, strict=True))) for values in product(*options))
    return [one for one in every if one != current]


def _values(key: str) -> Sequence[str]:
    """What a key may say."""
    words, _ = get_args(Formulation.model_fields[key].annotation)  # a Literal, or None
    return get_args(words)


def differing(one: Formulation, other: Formulation) -> Mapping[str, str]:
    """The keys of `one` that `other` has otherwise."""
    return {key: value for key, value in one.model_dump().items() if getattr(other, key) != value}
