"""How the weights in a checkpoint differ from those that a network has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torch import Size, Tensor

SHOWN = 3  # keys of a kind in a message: enough to recognise a layout, still one line


@dataclass(frozen=True)
class Differences:
    """Keys that keep weights from being loaded.

    Attributes:
        missing: keys that the network has and the checkpoint lacks.
        extra: keys that the checkpoint has and the network lacks.
        misshapen: keys of both with different shapes, each with both shapes in words.
    """

    missing: tuple[str, ...]
    extra: tuple[str, ...]
    misshapen: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.missing) + len(self.extra) + len(self.misshapen)

    def __str__(self) -> str:
        kinds = {"missing": self.missing, "extra": self.extra, "misshapen": self.misshapen}
        return ", ".join(f"{len(keys)} {kind} ({some(keys)})" for kind, keys in kinds.items() if keys)


def differences(tensors: Mapping[str, Tensor], shapes: Mapping[str, Size]) -> Differences:
    """Compare a checkpoint's tensors with the shapes that a network has under the same keys."""
    return Differences(
        missing=tuple(key for key in shapes if key not in tensors),
        extra=tuple(key for key in tensors if key not in shapes),
        misshapen=tuple(
            f"{key} is {_words(tensors[key].shape)} instead of {_words(shape)}"
            for key, shape in shapes.items()
            if key in tensors and tensors[key].shape != shape
        ),
    )


def some(keys: Sequence[str]) -> str:
    """The first few keys, and how many more there are."""
    listed = ", ".join(keys[:SHOWN])
    return f"{listed} and {len(keys) - SHOWN} more" if len(keys) > SHOWN else listed


def _words(shape: Size) -> str:
    return "x".join(map(str, shape)) or "a scalar"
