"""TFLite's own benchmark_model on the far side, a binary that the user brings."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from ca_deploy.bench.devices.protocol import ColdStart
from ca_deploy.bench.devices.remote.facts import Facts
from ca_deploy.bench.devices.remote.folder import FarFolder
from ca_deploy.bench.devices.remote.meter import Sampled, Task
from ca_deploy.bench.interleave import Samples
from ca_deploy.errors import DeviceError, last_line
from ca_deploy.progress import Progress

_MILLISECONDS = 1e-3  # of microseconds
_MEGABYTE = 1 << 20  # benchmark_model's MB

# Inference timings in us: Init: 5685, First inference: 18535, Warmup (avg): 14462.3, Inference (avg): 14575.2
_TIMINGS = re.compile(
    r"Inference timings in us: Init: (?P<init>[\d.e+]+), First inference: (?P<first>[\d.e+]+), "
    r"Warmup \(avg\): [\d.e+]+, Inference \(avg\): (?P<mean>[\d.e+]+)"
)
# Older versions: Average inference timings in us: Warmup: 83235, Init: 38467, Inference: 79760.9
_OLDER_TIMINGS = re.compile(
    r"Average inference timings in us: Warmup: (?P<first>[\d.e+]+), Init: (?P<init>[\d.e+]+), "
    r"(?:Inference|no stats): (?P<mean>[\d.e+]+)"
)
# Memory footprint delta from the start of the tool (MB): init=5.2 overall=7.3
# Older versions: Peak memory footprint (MB): init=5.2 overall=7.3
_MEMORY = re.compile(r"emory footprint.*\(MB\): init=[\d.]+ overall=(?P<overall>[\d.]+)")


class Said:
    """What one call of benchmark_model said.

    Attributes:
        init_ms: from the file to an interpreter that is ready.
        first_ms: the first inference; in older versions the mean of the warm-up.
        mean_ms: of the inferences behind the warm-up.
        peak_bytes: memory; None where it does not tell.

    Raises:
        ValueError: when neither form of the timings is there.
    """

    def __init__(self, text: str) -> None:
        found = _TIMINGS.search(text) or _OLDER_TIMINGS.search(text)
        if not found:
            raise ValueError("no timings of benchmark_model")
        self.init_ms, self.first_ms, self.mean_ms = (
            float(found[name]) * _MILLISECONDS for name in ("init", "first", "mean")
        )
        memory = _MEMORY.search(text)
        self.peak_bytes = round(float(memory["overall"]) * _MEGABYTE) if memory else None


class BenchmarkModel:
    """A benchmark_model binary; it gives means, not single runs: one for each round.

    Args:
        binary: for the phone's system and processor.
    """

    def __init__(self, binary: Path) -> None:
        self.runtime = f"{binary.name} unknown"
        self._binary = binary

    def install(self, folder: FarFolder, facts: Facts) -> None:
        """Push the binary; see `Meter.install`."""
        folder.push({"benchmark_model": self._binary})

    def measure(self, folder: FarFolder, task: Task, progress: Progress) -> list[Sampled]:
        """Call it for each artifact in turn, round by round; see `Meter.measure`."""
        said: list[list[Said]] = [[] for _ in task.files]
        rounds = task.effort.rounds
        for _ in progress.track(range(rounds), rounds, "rounds"):
            for place, mine in enumerate(said):
                mine.append(self._call(folder, task, place))
        return [_sampled(mine, task) for mine in said]

    def _call(self, folder: FarFolder, task: Task, place: int) -> Said:
        effort = task.effort
        options = {
            "graph": f"model{place}",
            "num_threads": task.threads,
            "num_runs": -(-effort.runs // effort.rounds),
            "min_secs": effort.seconds / effort.rounds,
            "warmup_runs": 1,
            "warmup_min_secs": effort.warm_up_seconds / effort.rounds,
            "use_xnnpack": "true",
        }
        words = " ".join(f"--{name}={value}" for name, value in options.items())
        mask = sum(1 << core for core in task.cores)
        pinned = f"taskset {mask:x} " if mask else ""
        what = f"benchmark_model on {task.files[place].name}"
        # The timings go to standard error or output, depending on the version.
        text = folder.run(f"{pinned}./benchmark_model {words} 2>&1", task.seconds, what)
        try:
            return Said(text)
        except ValueError:
            said = last_line(text, "nothing")
            raise DeviceError(f"{folder.device}: {what} gave no timings, but: {said}") from None


def _sampled(said: list[Said], task: Task) -> Sampled:
    first = said[0]
    runs = -(-task.effort.runs // task.effort.rounds)
    return Sampled(
        samples=Samples(wall=tuple(np.array([one.mean_ms]) for one in said), cpu=()),
        stable=None,
        cold=ColdStart(first.init_ms, first.first_ms, first.peak_bytes) if task.effort.cold_start else None,
        warnings=(f"of {len(said)} means over {runs} runs or more each, as benchmark_model gives them",),
    )
