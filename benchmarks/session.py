"""When and where a benchmark was taken, and how busy the machine was."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any

from ca_deploy.bench.devices import Identity, open_device
from ca_deploy.bench.interleave import Effort


@dataclass(frozen=True)
class Session:
    """One run of a benchmark.

    Attributes:
        day: when it began, UTC.
        machine: where it ran.
        effort: how much was measured.
        trained: whether the weights were; otherwise accuracy ranks nothing.
        load_before: the machine's load average over a minute, when measuring began.
        load_after: the same when it ended.
    """

    day: str
    machine: Identity
    effort: Effort
    trained: bool
    load_before: float
    load_after: float

    @classmethod
    def begin(cls, effort: Effort, trained: bool) -> Session:
        """The session that begins now."""
        machine = open_device("local").identity()
        load = os.getloadavg()[0]
        return cls(datetime.now(UTC).date().isoformat(), machine, effort, trained, load, load)

    def ended(self) -> Session:
        """The session, now that it is over."""
        return replace(self, load_after=os.getloadavg()[0])

    @property
    def busy(self) -> bool:
        """Whether other work disturbed it: one process of ours makes a load of one."""
        return max(self.load_before, self.load_after) > min(2.0, self.machine.cores)

    def document(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)
