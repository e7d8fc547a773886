"""The tables at the end of `ca-deploy bench`."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from rich.console import RenderableType
from rich.markup import escape
from rich.table import Table

from ca_deploy.bench.devices import Identity, Measurement
from ca_deploy.bench.run import BenchResult

_Column = tuple[str, Callable[[Measurement], str]]

# Heading and text of each figure; a column that is empty for all measurements is not shown.
_FIGURES: tuple[_Column, ...] = (
    ("ms", lambda m: f"{m.wall.median:.2f}" if m.wall else ""),
    ("95 %", lambda m: f"{m.wall.low:.2f} to {m.wall.high:.2f}" if m.wall else ""),
    ("p10 to p90", lambda m: f"{m.wall.p10:.2f} to {m.wall.p90:.2f}" if m.wall else ""),
    ("CPU ms", lambda m: f"{m.cpu.median:.2f}" if m.cpu else ""),
    ("load ms", lambda m: f"{m.cold.load_ms:.1f}" if m.cold else ""),
    ("first ms", lambda m: f"{m.cold.first_ms:.1f}" if m.cold else ""),
    ("peak MB", lambda m: f"{m.cold.peak_bytes / 1e6:.1f}" if m.cold and m.cold.peak_bytes else ""),
    ("M instructions", lambda m: f"{m.instructions.total / 1e6:.2f}" if m.instructions else ""),
    ("output", lambda m: _parity(m)),
)


def tables(result: BenchResult, limit: float | None) -> Iterator[RenderableType]:
    """Everything that is shown of a run, in order."""
    if any(session.measurements for session in result.sessions):
        yield "\n".join(_device_lines(result))
        yield _measurement_table(result)
    if result.comparisons:
        yield _comparison_table(result, limit)


def _measurement_table(result: BenchResult) -> Table:
    """Every artifact on every device with every number of threads."""
    measured = [one for session in result.sessions for one in session.measurements]
    shown = [(heading, text) for heading, text in _FIGURES if any(text(one) for one in measured)]
    table = Table()
    for heading in ("device", "artifact", "delegate"):
        table.add_column(heading, overflow="fold")
    for heading in ("threads", *(heading for heading, _ in shown)):
        table.add_column(heading, justify="right")
    for one in measured:
        what = (escape(one.device), escape(result.names[one.file]), one.delegate, str(one.threads))
        table.add_row(*what, *(text(one) for _, text in shown))
    return table


def _comparison_table(result: BenchResult, limit: float | None) -> Table:
    """Every artifact beside its baseline."""
    table = Table()
    for heading in ("device", "artifact", "delegate", "against"):
        table.add_column(heading)
    for heading in ("threads", "ratio", "95 %"):
        table.add_column(heading, justify="right")
    table.add_column("of")
    for one in result.comparisons:
        ratio = f"{one.ratio.value:.3f}"
        if limit is not None and one.is_regression(limit):
            ratio = f"[red]{ratio}[/]"
        table.add_row(
            escape(one.device),
            escape(result.names[one.file]),
            one.delegate,
            escape(one.against),
            str(one.threads),
            ratio,
            f"{one.ratio.low:.3f} to {one.ratio.high:.3f}",
            _QUANTITIES[one.quantity] + ("" if one.interleaved else ", not interleaved"),
        )
    return table


def _device_lines(result: BenchResult) -> Iterator[str]:
    """What each device is."""
    for session in result.sessions:
        if session.identity is not None:
            yield escape(f"{session.device}: {_identity(session.identity)}")


def warnings(result: BenchResult, limit: float | None) -> Iterator[str]:
    """What makes figures doubtful, or is missing; with a limit, what was not compared is `unproved`."""
    yield from result.changes
    if limit is None:
        yield from _uncompared(result)
    for session in result.sessions:
        for file, why in session.skipped.items():
            yield f"{session.device}: does not run {result.names[file]}: {why}"
        for one in session.measurements:
            for warning in one.warnings:
                yield f"{session.device}: {result.names[one.file]}, {_threads(one.threads)}: {warning}"


def unproved(result: BenchResult, limit: float | None) -> list[str]:
    """One line about each regression, and each that nothing rules out; none without a limit."""
    if limit is None:
        return []
    slower = [
        f"{one.device}: {result.names[one.file]}, {_threads(one.threads)}: takes {one.ratio.value:.3f} "
        f"({one.ratio.low:.3f} to {one.ratio.high:.3f}) of {one.against}, more than {limit:g}"
        for one in result.comparisons
        if one.is_regression(limit)
    ]
    return [*slower, *_uncompared(result)]


def _uncompared(result: BenchResult) -> list[str]:
    """One line about each measurement that the baseline says nothing of."""
    return [
        f"{one.device}: {result.names[one.file]}, {_threads(one.threads)}, {one.delegate}: not compared: "
        f"{one.reason}"
        for one in result.uncompared
    ]


_QUANTITIES = {"cpu": "processor time", "wall": "time", "instructions": "instructions"}


def _threads(count: int) -> str:
    return f"{count} thread{'s' * (count > 1)}"


def _identity(identity: Identity) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in identity.versions.items())
    cores = f"{identity.cores} core{'s' * (identity.cores > 1)}"
    what = (identity.model, identity.processor, identity.architecture, cores, identity.system, versions)
    return " · ".join(dict.fromkeys(part for part in what if part not in ("", "unknown")))


def _parity(measurement: Measurement) -> str:
    """How the device's output compares with this machine's."""
    if measurement.parity is None:
        return ""
    if measurement.parity.sqnr_db is None:
        return "identical"
    return f"{measurement.parity.sqnr_db:.1f} dB"
