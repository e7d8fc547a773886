"""A profile on the far side, by our own profiler."""

from __future__ import annotations

import json

from ca_deploy.bench.devices.remote.facts import Facts
from ca_deploy.bench.devices.remote.folder import FarFolder
from ca_deploy.bench.devices.remote.program import cores_word, send_program
from ca_deploy.bench.profile.times import RunTimes, Told, run_times


def profile_there(
    folder: FarFolder, facts: Facts, *, threads: int, warm_up_runs: int, runs: int, seconds: float
) -> RunTimes:
    """The times of every operator of `model0` with `input0`; see native/profiler.c.

    Raises:
        DeviceError: when the profiler or the connection fails.
    """
    start = send_program(folder, facts, "profiler")
    numbers = (threads, warm_up_runs, runs, cores_word(facts.fastest_cores(threads)))
    said = folder.run(" ".join([start, *map(str, numbers), "model0", "input0"]), seconds, "the profiler")
    lines = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    return run_times(
        [line["whole"] for line in lines],
        [[_told(*operator) for operator in line["operators"]] for line in lines],
    )


def _told(name: str, node: int, microseconds: float) -> Told:
    return name, None if node < 0 else node, microseconds
