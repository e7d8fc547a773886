"""When and where a benchmark was taken, and how much other work the machine had meanwhile."""

from __future__ import annotations

import os
import time
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ca_deploy.bench.devices import Identity, open_device
from ca_deploy.bench.interleave import Effort

_BUSY = 0.2  # cores that other work takes


@dataclass(frozen=True)
class _Moment:
    """Seconds so far: that passed, that all cores worked, that this program and its children did."""

    passed: float
    everything: float
    ours: float

    @classmethod
    def now(cls) -> _Moment:
        """From Linux' count of the time of all processors (proc(5), /proc/stat), in user, nice and system."""
        counts = Path("/proc/stat").read_text().split()[1:4]
        everything = sum(map(int, counts)) / os.sysconf("SC_CLK_TCK")
        return cls(time.monotonic(), everything, sum(os.times()[:4]))


@dataclass(frozen=True)
class Session:
    """One run of a benchmark.

    Attributes:
        day: when it began, UTC.
        machine: where it ran.
        effort: how much was measured.
        trained: whether the weights were; otherwise accuracy ranks nothing.
        other_work: cores that other programs kept busy while it was measured, on average.
    """

    day: str
    machine: Identity
    effort: Effort
    trained: bool
    other_work: float = 0.0
    _begun: _Moment = field(default_factory=_Moment.now, repr=False)

    @classmethod
    def begin(cls, effort: Effort, trained: bool) -> Session:
        """The session that begins now."""
        machine = open_device("local").identity()
        return cls(datetime.now(UTC).date().isoformat(), machine, effort, trained)

    def ended(self) -> Session:
        """The session, now that it is over."""
        begun, now = self._begun, _Moment.now()
        others = (now.everything - begun.everything) - (now.ours - begun.ours)
        return replace(self, other_work=round(max(others, 0.0) / (now.passed - begun.passed), 2))

    @property
    def busy(self) -> bool:
        """Whether other work disturbed it."""
        return self.other_work > _BUSY

    def document(self) -> dict[str, Any]:
        """For JSON."""
        return {name: value for name, value in asdict(self).items() if name != "_begun"}
