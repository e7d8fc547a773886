"""How runs are timed on the far side: by our own runner, or by TFLite's benchmark_model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ca_deploy.bench.devices.protocol import ColdStart
from ca_deploy.bench.devices.remote.facts import Facts
from ca_deploy.bench.devices.remote.folder import FarFolder
from ca_deploy.bench.interleave import Effort, Samples
from ca_deploy.progress import Progress


@dataclass(frozen=True)
class Sampled:
    """One artifact's runs.

    Attributes:
        samples: the run times.
        stable: it had become stable when they began; None where that is not known.
        cold: its start in a process of its own.
        output: what the artifact gave, as the file stores it; None where it is not sent back.
        warnings: what makes the figures doubtful.
    """

    samples: Samples
    stable: bool | None
    cold: ColdStart | None
    output: bytes | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Task:
    """What to measure in one session.

    Attributes:
        files: the artifacts; on the far side `model0`, `model1`, ..., with their inputs `input0`, ...
        threads: how many each may use.
        cores: the cores to run on; empty for any.
        effort: how much to measure.
        seconds: after which the far side's programs are ended.
    """

    files: Sequence[Path]
    threads: int
    cores: tuple[int, ...]
    effort: Effort
    seconds: float


class Meter(Protocol):
    """What times runs on the far side.

    Attributes:
        runtime: name and version of what executes the artifacts.
    """

    @property
    def runtime(self) -> str: ...  # noqa: D102  the class docstring says it

    def install(self, folder: FarFolder, facts: Facts) -> None:
        """Bring what it needs to the far side.

        Raises:
            DeviceError: when that fails, or it is not for this machine.
        """

    def measure(self, folder: FarFolder, task: Task, progress: Progress) -> list[Sampled]:
        """Measure the artifacts in turn.

        Raises:
            DeviceError: when a program there, or the connection, fails.
        """
