"""Measurements with known figures, for what is made of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ca_deploy.bench.devices import Identity, Instructions, Measurement
from ca_deploy.bench.interleave import Effort, Samples
from ca_deploy.bench.timing import summarize
from ca_deploy.progress import Progress

BOARD = Identity("Board", "Core", "Linux", "aarch64", 4, {"LiteRT": "2.3.0"})


def timed(device: str, file: Path, milliseconds: float, threads: int = 1, jitter: float = 0.0) -> Measurement:
    """A measurement of ten rounds of five runs around a median."""
    rng = np.random.default_rng(int(milliseconds * 1000))
    rounds = tuple(milliseconds * (1 + jitter * rng.normal(size=5)) for _ in range(10))
    timing = summarize(rounds)
    return Measurement(
        device, file, "LiteRT 2.3.0", "XNNPACK", threads, timing, timing, samples=Samples(rounds, rounds)
    )


def counted(device: str, file: Path, instructions: int) -> Measurement:
    """A measurement of instructions."""
    return Measurement(
        device, file, "LiteRT 2.3.0", "XNNPACK", 1, instructions=Instructions(instructions, {"vector": 1})
    )


class Board:
    """A device whose times are known, or which fails."""

    suffixes = (".tflite",)

    def __init__(self, name: str, times: dict[str, float] | None = None, error: BaseException | None = None):
        self.name = name
        self.times = times or {}
        self.error = error

    def identity(self) -> Identity:
        return BOARD

    def measure(
        self, files: Sequence[Path], threads: Sequence[int], effort: Effort, progress: Progress
    ) -> list[Measurement]:
        if self.error:
            raise self.error
        return [timed(self.name, file, self.times.get(file.name, 1.0), n) for n in threads for file in files]
