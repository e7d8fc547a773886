"""The one table at the end of an export."""

from __future__ import annotations

import math

from rich.markup import escape
from rich.table import Table

from ca_deploy.artifact import size_of
from ca_deploy.bench.devices import Measurement
from ca_deploy.result import Exported, ExportResult


def artifact_table(result: ExportResult) -> Table:
    """Every artifact with its size, parity, latency and verdict."""
    table = Table(title=escape(f"{result.plan.recipe.name} → {result.folder}"), title_justify="left")
    threads = list(dict.fromkeys(timed.threads for one in result.exported for timed in one.latency))
    table.add_column("artifact")
    for heading in ("MB", "SQNR dB", "agreement", "max abs", *(f"ms ({count} thr.)" for count in threads)):
        table.add_column(heading, justify="right")
    table.add_column("XNNPACK")
    table.add_column("verdict")
    for one in result.exported:
        parity = one.verdict.parity
        table.add_row(
            one.artifact.path.relative_to(result.folder).as_posix(),
            f"{size_of(one.artifact.path) / 1e6:.2f}",
            "∞" if math.isinf(parity.sqnr_db) else f"{parity.sqnr_db:.1f}",
            f"{parity.agreement:.1%}",
            f"{parity.max_abs:.1e}",
            *([_milliseconds(measurement) for measurement in one.latency] or [""] * len(threads)),
            _delegated(one),
            "[green]passed[/]" if one.verdict.passed else "[red]failed[/]",
        )
    return table


def legend(result: ExportResult) -> str:
    """How to read the table."""
    count = result.exported[0].verdict.parity.images if result.exported else 0
    return (
        f"Against the PyTorch float32 network on {count} images held out from calibration. SQNR: signal to "
        "error ratio of the logits (higher is better). Agreement: same top-1 class. Times: medians on this "
        "machine. XNNPACK: operators it runs / all, in partitions (1 is best)."
    )


def _milliseconds(measurement: Measurement) -> str:
    return "" if measurement.wall is None else f"{measurement.wall.median:.2f}"


def _delegated(one: Exported) -> str:
    if one.delegation is None:
        return ""
    return f"{one.delegation.delegated}/{one.delegation.nodes} in {one.delegation.partitions}"
