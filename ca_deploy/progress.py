"""Progress of long work: a bar on a terminal, plain lines elsewhere, silence for machines.

The rooms know only the `Progress` protocol; the command line chooses the implementation.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol, TextIO, TypeVar

if TYPE_CHECKING:
    from rich.progress import TaskID

T = TypeVar("T")


class Progress(Protocol):
    """What long work reports to."""

    def step(self, description: str) -> None:
        """Say which step begins; the step before it is over."""

    def track(self, items: Iterable[T], total: int, unit: str) -> Iterator[T]:
        """Yield `items` and show how many of `total` are done within the current step."""

    def note(self, message: str) -> None:
        """Show a line that stays: a warning, or something skipped."""


class Silent:
    """Shows nothing."""

    def step(self, description: str) -> None:
        """Show nothing."""

    def track(self, items: Iterable[T], total: int, unit: str) -> Iterator[T]:
        """Yield `items`."""
        yield from items

    def note(self, message: str) -> None:
        """Show nothing."""


class Lines:
    """One line per step, and at most one every few seconds within a step (for logs and pipes)."""

    def __init__(
        self, stream: TextIO, seconds_between: float = 5.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._stream = stream
        self._seconds_between = seconds_between
        self._clock = clock
        self._description = ""

    def step(self, description: str) -> None:
        """Print the step's name."""
        self._description = description
        self._print(description)

    def track(self, items: Iterable[T], total: int, unit: str) -> Iterator[T]:
        """Yield `items`, printing a count every few seconds."""
        last = self._clock()
        for done, item in enumerate(items):
            if self._clock() - last >= self._seconds_between:
                last = self._clock()
                self._print(f"{self._description}: {done}/{total} {unit}")
            yield item

    def note(self, message: str) -> None:
        """Print the message."""
        self._print(message)

    def _print(self, line: str) -> None:
        self._stream.write(line + "\n")
        self._stream.flush()


class Bars:
    """One live bar on a terminal; finished steps leave their name and seconds behind."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as RichProgress

        self._bars = RichProgress(
            SpinnerColumn(finished_text="[green]✓[/]"),
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=Console(stderr=True),
        )
        self._current: TaskID | None = None

    def __enter__(self) -> Bars:
        self._bars.start()
        return self

    def __exit__(self, *exc: object) -> None:
        if exc[0] is None:
            self._finish()
        self._bars.stop()

    def step(self, description: str) -> None:
        """Finish the bar before and start one that pulses until it is tracked."""
        self._finish()
        self._current = self._bars.add_task(description, total=None)

    def track(self, items: Iterable[T], total: int, unit: str) -> Iterator[T]:
        """Yield `items` and advance the current bar."""
        if self._current is None:
            self.step(unit)
        assert self._current is not None
        task = self._current
        self._bars.update(task, total=total, completed=0)
        for item in items:
            yield item
            self._bars.advance(task)

    def note(self, message: str) -> None:
        """Print the message above the bars."""
        self._bars.console.print(message, style="yellow", markup=False, highlight=False)

    def _finish(self) -> None:
        if self._current is not None:
            self._bars.update(self._current, total=1, completed=1)
            self._current = None


@contextmanager
def on_terminal(quiet: bool, stream: TextIO | None = None) -> Iterator[Progress]:
    """Give the progress that suits where `stream` (standard error by default) goes."""
    stream = stream or sys.stderr
    if quiet:
        yield Silent()
    elif stream.isatty():
        with Bars() as bars:
            yield bars
    else:
        yield Lines(stream)
