"""Artifacts beside a baseline: another model that took turns with them, or the results of an earlier run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

from ca_deploy.bench.devices import Measurement, compare, compared_quantity
from ca_deploy.bench.past import PastMeasurement, PastResults
from ca_deploy.bench.session import DeviceSession
from ca_deploy.bench.timing import Ratio, unpaired_ratio
from ca_deploy.errors import UserError

T = TypeVar("T", Measurement, PastMeasurement)


@dataclass(frozen=True)
class Comparison:
    """How much an artifact takes over its baseline.

    Attributes:
        device: where both were measured.
        file: the artifact.
        delegate: what executed the artifact.
        against: what the baseline is called.
        threads: that both could use.
        quantity: `cpu` or `wall` (times), or `instructions`.
        interleaved: both took turns in one session; otherwise the interval holds the noise within each
            session, and what changed between the two (temperature, other work, the machine) is not in it.
        ratio: above 1 the artifact takes more.
    """

    device: str
    file: Path
    delegate: str
    against: str
    threads: int
    quantity: str
    interleaved: bool
    ratio: Ratio

    def is_regression(self, limit: float) -> bool:
        """Whether the ratio is above the limit, and its interval excludes that nothing changed."""
        return self.ratio.value > limit and self.ratio.low > 1


@dataclass(frozen=True)
class Uncompared:
    """A measurement that the baseline says nothing of.

    Attributes:
        device: where it was measured.
        file: the artifact.
        delegate: what executed it.
        threads: that it could use.
        reason: why there is no ratio.
    """

    device: str
    file: Path
    delegate: str
    threads: int
    reason: str


class Baseline(Protocol):
    """What artifacts are compared with.

    Attributes:
        files: artifacts that have to be measured beside the others.
    """

    @property
    def files(self) -> tuple[Path, ...]: ...  # noqa: D102  the class docstring says it

    def comparisons(self, session: DeviceSession) -> Iterator[Comparison | Uncompared]:
        """One for each measurement of an artifact on a device."""


class Beside:
    """Other models, measured in turn with the artifacts: the sound way.

    Args:
        files: the artifacts that are measured.
        baselines: the other models.
        names: what the models are called.
        by_name: pair models of the same name; otherwise the first baseline is that of all artifacts.

    Raises:
        UserError: when nothing can be paired.
    """

    def __init__(
        self, files: Sequence[Path], baselines: Sequence[Path], names: dict[Path, str], *, by_name: bool
    ) -> None:
        partners = {path.name: path for path in baselines}
        self._pairs = {
            file: partner
            for file in files
            if (partner := partners.get(file.name) if by_name else baselines[0])
            and partner.resolve() != file.resolve()
        }
        if not self._pairs:
            raise UserError(
                f"--against: none of {', '.join(partners)} is another model of the same name as one that is "
                "measured; name one model to compare all with it"
            )
        self._names = names
        self.files = tuple(dict.fromkeys(self._pairs.values()))

    def comparisons(self, session: DeviceSession) -> Iterator[Comparison | Uncompared]:
        """Each artifact with its partner; see `Baseline`."""
        for one in session.measurements:
            if one.file in self.files and one.file not in self._pairs:
                continue
            mine = _of(session, one.file, one.threads)
            partner = _partner(one, mine, _of(session, self._pairs.get(one.file), one.threads))
            if partner is None:
                yield _uncompared(one, "--against has no other measurement of its kind")
                continue
            try:
                ratio = compare(one, partner)
            except ValueError as error:
                yield _uncompared(one, str(error))
            else:
                yield _comparison(one, self._names[partner.file], compared_quantity(one), True, ratio)


class Earlier:
    """The results of an earlier run, paired by device, artifact and number of threads.

    Args:
        results: of the earlier run.
        names: what the artifacts are called in this one.
    """

    files: tuple[Path, ...] = ()

    def __init__(self, results: PastResults, names: Mapping[Path, str]) -> None:
        self._results = results
        self._names = names

    def comparisons(self, session: DeviceSession) -> Iterator[Comparison | Uncompared]:
        """Each artifact with its earlier self; see `Baseline`."""
        for one in session.measurements:
            mine = _of(session, one.file, one.threads)
            then = self._results.find(session.device, one.file, self._names[one.file], one.threads)
            past = _partner(one, mine, then)
            if past is None:
                yield _uncompared(one, f"{self._results.name} has no measurement of its kind")
                continue
            try:
                quantity, ratio = _between_sessions(one, past)
            except ValueError as error:
                yield _uncompared(one, str(error))
            else:
                yield _comparison(one, self._results.name, quantity, False, ratio)


def _of(session: DeviceSession, file: Path | None, threads: int) -> list[Measurement]:
    """A file's measurements with one number of threads: one for each delegate, the usual first."""
    return [one for one in session.measurements if (one.file, one.threads) == (file, threads)]


def _partner(one: Measurement, mine: Sequence[Measurement], others: Sequence[T]) -> T | None:
    """Of another file's measurements the one on the same delegate; for the usual delegate, the usual one."""
    same = next((other for other in others if other.delegate == one.delegate), None)
    return same or (others[0] if others and one is mine[0] else None)


def _comparison(one: Measurement, against: str, quantity: str, interleaved: bool, ratio: Ratio) -> Comparison:
    return Comparison(one.device, one.file, one.delegate, against, one.threads, quantity, interleaved, ratio)


def _uncompared(one: Measurement, reason: str) -> Uncompared:
    return Uncompared(one.device, one.file, one.delegate, one.threads, reason)


def _between_sessions(now: Measurement, past: PastMeasurement) -> tuple[str, Ratio]:
    """What can be compared over rounds that did not take turns, and its ratio.

    Raises:
        ValueError: when the two have no quantity in common, or their times are zero.
    """
    if now.instructions and past.instructions:
        exact = now.instructions.total / past.instructions.total
        return "instructions", Ratio(exact, exact, exact)
    if not now.samples or not past.samples:
        raise ValueError("times were measured in one run and instructions in the other")
    if compared_quantity(now) == "cpu" and past.samples.cpu:
        return "cpu", unpaired_ratio(now.samples.cpu, past.samples.cpu)
    return "wall", unpaired_ratio(now.samples.wall, past.samples.wall)
