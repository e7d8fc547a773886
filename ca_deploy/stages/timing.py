"""Latency of the artifacts on this machine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ca_deploy.artifact import Artifact
from ca_deploy.plan import Plan
from ca_deploy.progress import Progress

if TYPE_CHECKING:
    from ca_deploy.bench.devices import Measurement


UNTIMED = frozenset({"coreml"})
"""Formats whose own runtime is not on this machine, or not for certain: a time here would say nothing."""


def latency(plan: Plan, written: Sequence[Artifact], progress: Progress) -> list[tuple[Measurement, ...]]:
    """Latency of every artifact on this machine, interleaved: on one thread and on the plan's.

    Nothing for formats in `UNTIMED`.
    """
    from ca_deploy.bench.devices import open_device
    from ca_deploy.bench.interleave import Effort

    effort = Effort(rounds=5, runs=20, seconds=0.25, warm_up_seconds=0.5, cold_start=False)
    threads = sorted({1, plan.threads})
    files = [one.path for one in written if one.format not in UNTIMED]
    if not files:
        return [() for _ in written]
    measured = open_device("local").measure(files, threads, effort, progress)
    timings = {file: tuple(measured[place :: len(files)]) for place, file in enumerate(files)}
    return [timings.get(one.path, ()) for one in written]
