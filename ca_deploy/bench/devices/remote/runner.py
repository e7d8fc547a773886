"""Runs on the far side, timed by our own runner."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import numpy as np

from ca_deploy.bench.devices.protocol import ColdStart
from ca_deploy.bench.devices.remote.facts import Facts
from ca_deploy.bench.devices.remote.folder import FarFolder
from ca_deploy.bench.devices.remote.meter import Sampled, Task
from ca_deploy.bench.devices.remote.program import cores_word, send_program
from ca_deploy.bench.interleave import Samples
from ca_deploy.bench.timing import FloatArray
from ca_deploy.errors import DeviceError
from ca_deploy.progress import Progress
from ca_deploy.runtimes.litert import LiteRT

_NANOSECONDS = 1e-6  # in milliseconds


class Runner:
    """`native/runner.c`, with everything that it needs."""

    runtime = f"{LiteRT.name} {LiteRT.version}"
    _start = ""

    def install(self, folder: FarFolder, facts: Facts) -> None:
        """Push the runner and its libraries; see `Meter.install`."""
        self._start = send_program(folder, facts, "runner")

    def measure(self, folder: FarFolder, task: Task, progress: Progress) -> list[Sampled]:
        """Run all artifacts in one process, then each in one of its own; see `Meter.measure`."""
        places = range(len(task.files))
        taken = self._in_turn(folder, task, progress)
        cold = [self._cold_start(folder, task, i) if task.effort.cold_start else None for i in places]
        return [
            Sampled(
                samples=Samples(wall=tuple(taken.wall[i]), cpu=tuple(taken.cpu[i])),
                stable=taken.stable[i],
                cold=cold[i],
                output=folder.read(f"output{i}"),
            )
            for i in places
        ]

    def _in_turn(self, folder: FarFolder, task: Task, progress: Progress) -> _Report:
        effort, report = task.effort, _Report()
        rounds = iter(progress.track(range(effort.rounds), effort.rounds, "rounds"))
        last = len(task.files) - 1

        def follow(line: bytes) -> None:
            if report.read(line) == last:
                next(rounds, None)

        command = self._command(
            task,
            range(len(task.files)),
            rounds=effort.rounds,
            runs=-(-effort.runs // effort.rounds),
            round_ms=round(1e3 * effort.seconds / effort.rounds),
            warm_up_ms=round(1e3 * effort.warm_up_seconds),
        )
        folder.run(command, task.seconds, "the runner", follow)
        next(rounds, None)
        report.check(f"{folder.device}: the runner", len(task.files), effort.rounds)
        return report

    def _cold_start(self, folder: FarFolder, task: Task, place: int) -> ColdStart:
        command = self._command(task, [place], rounds=1, runs=1, round_ms=0, warm_up_ms=0)
        report = _Report()
        what = f"starting {task.files[place].name}"
        for line in folder.run(command, task.seconds, what).splitlines():
            report.read(line.encode())
        report.check(f"{folder.device}: {what}", models=1, rounds=1)
        return ColdStart(report.load[0], float(report.wall[0][0][0]), report.peak_bytes or None)

    def _command(
        self, task: Task, places: Iterable[int], *, rounds: int, runs: int, round_ms: int, warm_up_ms: int
    ) -> str:
        """The runner's command line; see native/runner.c."""
        numbers = (task.threads, rounds, runs, round_ms, warm_up_ms, cores_word(task.cores))
        names = [f"{kind}{place}" for place in places for kind in ("model", "input", "output")]
        return " ".join([self._start, *map(str, numbers), *names])


class _Report:
    """What the runner says; see native/runner.c. Times in milliseconds."""

    def __init__(self) -> None:
        self.load: dict[int, float] = {}
        self.stable: dict[int, bool] = {}
        self.wall: defaultdict[int, list[FloatArray]] = defaultdict(list)
        self.cpu: defaultdict[int, list[FloatArray]] = defaultdict(list)
        self.peak_bytes = 0

    def read(self, line: bytes) -> int | None:
        """Take in one line; which model's round has ended.

        Other lines are left alone: an old Android mixes logs in, a broken connection leaves a part of one.
        """
        if not line.startswith(b"{"):
            return None
        try:
            said: dict[str, Any] = json.loads(line)
        except ValueError:
            return None
        self.peak_bytes = said.get("peak_bytes", self.peak_bytes)
        model = said.get("model", 0)
        if "load" in said:
            self.load[model] = said["load"] * _NANOSECONDS
        if "stable" in said:
            self.stable[model] = bool(said["stable"])
        if "wall" not in said:
            return None
        self.wall[model].append(np.array(said["wall"]) * _NANOSECONDS)
        self.cpu[model].append(np.array(said["cpu"]) * _NANOSECONDS)
        return int(model)

    def check(self, who: str, models: int, rounds: int) -> None:
        """Make sure that nothing is missing.

        Raises:
            DeviceError: when something is.
        """
        for model in range(models):
            if model not in self.load or model not in self.stable or len(self.wall[model]) != rounds:
                raise DeviceError(f"{who}: part of what it measured did not arrive; run it again")
