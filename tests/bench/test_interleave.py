"""The order and the number of runs, with a clock that only the runs move."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from ca_deploy.bench.interleave import Clock, Effort, interleave, warm_up
from ca_deploy.progress import Silent


class FakeMachine:
    """Time that passes only when something runs; half of it on the processor."""

    def __init__(self) -> None:
        self.now = 0.0
        self.ran: list[str] = []
        self.clock = Clock(wall=lambda: self.now, cpu=lambda: self.now / 2)

    def takes(self, name: str, *seconds: float) -> Callable[[], None]:
        """A callable that takes these times, one after the other, and the last one for ever."""
        times = self._times(seconds)

        def run() -> None:
            self.ran.append(name)
            self.now += next(times)

        return run

    @staticmethod
    def _times(seconds: tuple[float, ...]) -> Iterator[float]:
        yield from seconds
        while True:
            yield seconds[-1]


@pytest.fixture
def machine() -> FakeMachine:
    return FakeMachine()


def test_callables_take_turns(machine: FakeMachine) -> None:
    effort = Effort(rounds=3, runs=6, seconds=0)

    interleave([machine.takes("A", 1), machine.takes("B", 1)], effort, machine.clock, Silent())

    assert "".join(machine.ran) == "AABB" * 3


def test_times_are_those_of_each_run_in_milliseconds(machine: FakeMachine) -> None:
    effort = Effort(rounds=2, runs=4, seconds=0)

    (samples,) = interleave([machine.takes("A", 0.001, 0.002, 0.003, 0.004)], effort, machine.clock, Silent())

    assert [list(r) for r in samples.wall] == [pytest.approx([1, 2]), pytest.approx([3, 4])]
    assert [list(r) for r in samples.cpu] == [pytest.approx([0.5, 1]), pytest.approx([1.5, 2])]


def test_short_runs_are_repeated_until_the_time_is_up(machine: FakeMachine) -> None:
    effort = Effort(rounds=2, runs=4, seconds=10)

    fast, slow = interleave([machine.takes("A", 0.5), machine.takes("B", 4)], effort, machine.clock, Silent())

    assert [len(r) for r in fast.wall] == [10, 10]
    assert [len(r) for r in slow.wall] == [2, 2]


def test_warming_up_ends_when_medians_agree(machine: FakeMachine) -> None:
    run = machine.takes("A", *[0.1] * 5, *[0.05] * 5, *[0.02] * 5, 0.0201)

    assert warm_up(run, 100, machine.clock)
    assert len(machine.ran) == 20


def test_warming_up_ends_when_time_is_up(machine: FakeMachine) -> None:
    run = machine.takes("A", *(2.0**-i for i in range(60)))

    assert not warm_up(run, 1.9, machine.clock)
    assert len(machine.ran) == 5


@pytest.mark.parametrize("threads", [1, 2])
def test_the_processor_time_of_other_threads_counts_only_when_they_are_used(threads: int) -> None:
    from threading import Thread

    clock = Clock.of_threads(threads)
    before = clock.cpu()
    other = Thread(target=lambda: sum(i * i for i in range(2_000_000)))
    other.start()
    other.join()

    assert (clock.cpu() - before > 0.02) == (threads > 1)
