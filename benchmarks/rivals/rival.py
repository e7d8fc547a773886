"""What every rival says of itself, and what it is given inside its environment."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.subject import Images, Subject

NETWORK = ("torch==2.13.0", "safetensors==0.8.0")
"""What it takes to build a subject's network, in every environment."""

Convert = Callable[[Subject, Path], None]
"""Writes a subject's network to a file, inside the rival's environment: what it needs it imports itself."""

Model = Callable[[Images], Images]
"""One image, float32 (1, 3, H, W), to its logits, float32 (1, classes)."""


@dataclass(frozen=True)
class Route:
    """One way to one file.

    Attributes:
        name: as people call it.
        precision: `fp32` or `int8`.
        file: name of the file, whose suffix says what runs it.
        convert: writes that file.
    """

    name: str
    precision: str
    file: str
    convert: Convert


@dataclass(frozen=True)
class Rival:
    """A converter in an environment of its own.

    Attributes:
        module: name of its module in this package.
        requirements: what pip installs, every version pinned.
        routes: what it is asked for.
        start: loads one of its files on its own runtime, with one thread; None where LiteRT or ONNX Runtime
            run it. Its environment then needs LiteRT as well, to be timed beside.
    """

    module: str
    requirements: tuple[str, ...]
    routes: tuple[Route, ...]
    start: Callable[[Path], Model] | None = None
