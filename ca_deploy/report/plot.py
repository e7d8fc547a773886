"""Bar charts as SVG, written by hand: a page shows them without a library, and a diff shows what changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

_WIDTH, _LABELS, _FIGURES = 880, 330, 70
_BAR, _STEP, _TITLE, _GAP = 16, 24, 34, 18
_OURS, _OTHERS = "#1f6feb", "#8b949e"  # readable on a light and on a dark page


@dataclass(frozen=True)
class Bar:
    """One line of a chart.

    Attributes:
        label: what it stands for.
        value: its length.
        ours: drawn in another colour.
    """

    label: str
    value: float
    ours: bool


@dataclass(frozen=True)
class Chart:
    """Bars with one scale, shortest first.

    Attributes:
        title: what is drawn, with its unit.
        bars: the lines, in any order.
        digits: behind the point of the figures.
    """

    title: str
    bars: Sequence[Bar]
    digits: int


def svg(charts: Sequence[Chart]) -> str:
    """Draw charts below each other; those without bars are left out."""
    parts, top = [], 0
    for chart in (chart for chart in charts if chart.bars):
        parts += _chart(chart, top)
        top += _TITLE + _STEP * len(chart.bars) + _GAP
    head = (
        '<svg xmlns="http://www.w3.org/2000/svg" '
        f'width="{_WIDTH}" height="{top}" viewBox="0 0 {_WIDTH} {top}" '
        'font-family="sans-serif" font-size="13" fill="#6e7781">'
    )
    return "\n".join((head, *parts, "</svg>")) + "\n"


def _chart(chart: Chart, top: int) -> list[str]:
    bars = sorted(chart.bars, key=lambda bar: bar.value)
    scale = (_WIDTH - _LABELS - _FIGURES) / bars[-1].value
    lines = [f'<text x="0" y="{top + 18}" font-weight="bold">{escape(chart.title)}</text>']
    for place, bar in enumerate(bars):
        y = top + _TITLE + _STEP * place
        length = round(bar.value * scale, 1)
        figure = f"{bar.value:.{chart.digits}f}"
        lines += [
            f'<text x="{_LABELS - 8}" y="{y + 13}" text-anchor="end">{escape(bar.label)}</text>',
            f'<rect x="{_LABELS}" y="{y}" width="{length}" height="{_BAR}" rx="2" '
            f'fill="{_OURS if bar.ours else _OTHERS}"/>',
            f'<text x="{_LABELS + length + 6:.1f}" y="{y + 13}">{figure}</text>',
        ]
    return lines
