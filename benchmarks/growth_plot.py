"""Time per image as the work grows, as lines in SVG: one panel for each thing that grows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

_PANEL, _HEIGHT, _LEFT, _TOP, _BOTTOM, _GAP = 270, 200, 40, 26, 40, 26
_COLOURS = ("#1f6feb", "#54aeff", "#8b949e", "#bf8700", "#8250df")  # readable on a light and on a dark page
_LINES = 4  # across a panel, at round values


@dataclass(frozen=True)
class Panel:
    """What grows, and what that costs.

    Attributes:
        title: what is drawn, with its unit.
        lines: by route, points (what grows, milliseconds) in ascending order.
    """

    title: str
    lines: Mapping[str, Sequence[tuple[float, float]]]


def svg(panels: Sequence[Panel]) -> str:
    """Draw panels beside each other, each with a scale of its own from 0, and one legend below."""
    routes = list(dict.fromkeys(route for panel in panels for route in panel.lines))
    colours = {route: _COLOURS[place % len(_COLOURS)] for place, route in enumerate(routes)}
    width = len(panels) * (_LEFT + _PANEL + _GAP)
    height = _TOP + _HEIGHT + _BOTTOM + 22
    parts = [
        '<svg xmlns="http://www.w3.org/2000/svg" '
        f'width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        'font-family="sans-serif" font-size="12" fill="#6e7781">'
    ]
    for place, panel in enumerate(panels):
        parts += _drawn(panel, colours, _LEFT + place * (_LEFT + _PANEL + _GAP))
    for place, (route, colour) in enumerate(colours.items()):
        x, y = _LEFT + place * 240, height - 8
        parts.append(
            f'<line x1="{x}" y1="{y - 4}" x2="{x + 22}" y2="{y - 4}" stroke="{colour}" stroke-width="3"/>'
        )
        parts.append(f'<text x="{x + 28}" y="{y}">{escape(route)}</text>')
    return "\n".join((*parts, "</svg>")) + "\n"


def _drawn(panel: Panel, colours: Mapping[str, str], left: int) -> list[str]:
    points = [point for line in panel.lines.values() for point in line]
    across, most = sorted({x for x, _ in points}), max(y for _, y in points)
    step = _round(most / _LINES)

    def place(x: float, y: float) -> str:
        share = (x - across[0]) / (across[-1] - across[0])
        return f"{left + share * _PANEL:.1f},{_TOP + _HEIGHT * (1 - y / most):.1f}"

    parts = [f'<text x="{left}" y="14" font-weight="bold">{escape(panel.title)}</text>']
    for number in range(int(most / step) + 1):
        _, y = place(across[0], number * step).split(",")
        parts.append(
            f'<line x1="{left}" y1="{y}" x2="{left + _PANEL}" y2="{y}" stroke="#8b949e" opacity="0.3"/>'
        )
        parts.append(f'<text x="{left - 6}" y="{float(y) + 4}" text-anchor="end">{number * step:g}</text>')
    for value in across:
        x, _ = place(value, 0).split(",")
        parts.append(f'<text x="{x}" y="{_TOP + _HEIGHT + 18}" text-anchor="middle">{value:g}</text>')
    for route, line in panel.lines.items():
        joined = " ".join(place(*point) for point in line)
        parts.append(
            f'<polyline points="{joined}" fill="none" stroke="{colours[route]}" stroke-width="2.5"/>'
        )
    return parts


def _round(value: float) -> float:
    """The next of 0.1, 0.2, 0.5, 1, 2, 5 and so on."""
    steps = (factor * 10**power for power in range(-3, 4) for factor in (1, 2, 5))
    return next(step for step in steps if step >= value)
