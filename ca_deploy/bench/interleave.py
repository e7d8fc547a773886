"""Run callables in turn and take their times."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from ca_deploy.bench.timing import FloatArray
from ca_deploy.progress import Progress

Run = Callable[[], None]

_MILLISECONDS = 1e3
_WINDOW = 5  # runs whose median is compared with that of the runs before them
_STABLE = 0.05  # relative difference of two such medians


@dataclass(frozen=True)
class Effort:
    """How much to measure.

    Attributes:
        rounds: how often the compared artifacts take turns.
        runs: fewest runs of each, over all rounds.
        seconds: shortest time to run each, over all rounds.
        warm_up_seconds: longest time to wait for each to become stable.
        cold_start: also start each in a fresh process, for its load time, first inference and peak memory.
    """

    rounds: int = 10
    runs: int = 50
    seconds: float = 1.0
    warm_up_seconds: float = 2.0
    cold_start: bool = True


@dataclass(frozen=True)
class Clock:
    """Where times come from, in seconds.

    Attributes:
        wall: time that passes.
        cpu: time that the processor spends on this thread, or on all threads of this process.
    """

    wall: Callable[[], float] = time.perf_counter
    cpu: Callable[[], float] = time.thread_time

    @classmethod
    def of_threads(cls, threads: int) -> Clock:
        """The clock for work on so many threads: beyond one, the processor time of the whole process."""
        return cls(cpu=time.thread_time if threads == 1 else time.process_time)


@dataclass(frozen=True)
class Samples:
    """The run times of one callable, milliseconds, one array for each round.

    Attributes:
        wall: time that passed.
        cpu: processor time; empty where there is no clock of it.
    """

    wall: tuple[FloatArray, ...]
    cpu: tuple[FloatArray, ...]


@dataclass
class _Round:
    """The runs of one callable in one round."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    def add(self, run: Run, clock: Clock) -> None:
        wall, cpu = clock.wall(), clock.cpu()
        run()
        self.cpu.append((clock.cpu() - cpu) * _MILLISECONDS)
        self.wall.append((clock.wall() - wall) * _MILLISECONDS)


def warm_up(run: Run, seconds: float, clock: Clock) -> bool:
    """Run until two medians of five runs are within 5 %, or time is up; whether they came that close.

    The medians are those of processor time, which other programs disturb less.
    """
    start, before = clock.wall(), 0.0
    while clock.wall() - start < seconds:
        window = _Round()
        for _ in range(_WINDOW):
            window.add(run, clock)
        median = float(np.median(window.cpu))
        if abs(median - before) <= _STABLE * before:
            return True
        before = median
    return False


def interleave(runs: Sequence[Run], effort: Effort, clock: Clock, progress: Progress) -> list[Samples]:
    """Let callables take turns, A B A B ..., and give the times of each."""
    rounds: list[list[_Round]] = [[] for _ in runs]
    for _ in progress.track(range(effort.rounds), effort.rounds, "rounds"):
        for mine, run in zip(rounds, runs, strict=True):
            mine.append(_one_round(run, effort, clock))
    return [
        Samples(
            wall=tuple(np.array(r.wall) for r in mine),
            cpu=tuple(np.array(r.cpu) for r in mine),
        )
        for mine in rounds
    ]


def _one_round(run: Run, effort: Effort, clock: Clock) -> _Round:
    fewest = -(-effort.runs // effort.rounds)
    shortest = effort.seconds / effort.rounds
    done, start = _Round(), clock.wall()
    while len(done.wall) < fewest or clock.wall() - start < shortest:
        done.add(run, clock)
    return done
