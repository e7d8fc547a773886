"""The table, the plot and the JSON of what each operator's int8 costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich.markup import escape
from rich.table import Table

from ca_deploy.report.finite import finite
from ca_deploy.report.plot import Bar, Chart, svg

if TYPE_CHECKING:
    from ca_deploy.quantization.sensitivity import Sensitivity

LEGEND = (
    "Simulated, on a few calibration images. Alone: SQNR of the logits when only this operator is int8; "
    "share: of the sum of all such errors. Gain: SQNR that keeping only this one float added, within a "
    "decibel. Names are what --keep-float takes."
)


def sensitivity_table(found: Sequence[Sensitivity]) -> Table:
    """One operator per row, in the order given."""
    table = Table(title="Cost of int8 by operator", title_justify="left")
    table.add_column("writes")
    table.add_column("operator")
    for heading in ("alone dB", "share", "gain dB"):
        table.add_column(heading, justify="right")
    for one in found:
        table.add_row(
            escape(one.name), one.kind, f"{one.alone_db:.1f}", f"{one.share:.1%}", f"{one.gain_db:+.1f}"
        )
    return table


def sensitivity_document(found: Sequence[Sensitivity]) -> list[dict[str, Any]]:
    """The same for machines; null where nothing is lost, or everything."""
    return [finite(asdict(one)) for one in found]


def sensitivity_plot(found: Sequence[Sensitivity]) -> str:
    """Bars of what costs anything, as SVG."""
    bars = [Bar(f"{one.name} ({one.kind})", 100 * one.share, ours=True) for one in found if one.share > 0]
    return svg([Chart("share of the error that rounding one operator alone makes, %", bars, digits=1)])
