"""A profile as an SVG picture: the operators one after the other, as wide as they take long."""

from __future__ import annotations

from pathlib import Path
from xml.sax.saxutils import escape

from ca_deploy.bench.profile.run import OperatorCost, Profile

_WIDTH, _LEFT, _ROW, _BAR = 960, 220, 22, 16  # pixels
_KINDS = (  # heading, colour (ColorBrewer's Set2, which colour-blind people can tell apart)
    ("other operators", "#8da0cb"),
    ("attention", "#fc8d62"),
)


def save_plot(profile: Profile, path: Path) -> None:
    """Write one bar for each part of the network: attention blocks, and what lies between them."""
    rows = _rows(profile)
    longest = max(_took(row, profile) for _, row in rows)
    height = _ROW * (len(rows) + 3)
    title = f"{profile.file.name} on {profile.device}, {profile.runtime}"
    title += f", {profile.whole_microseconds:.0f} µs in all"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" '
        'font-family="sans-serif" font-size="12">',
        f'<rect width="{_WIDTH}" height="{height}" fill="white"/>',
        _text(8, _ROW, title),
        *_legend(2 * _ROW),
    ]
    for place, (is_attention, row) in enumerate(rows):
        parts += _bar((place + 2.3) * _ROW, is_attention, row, profile, (_WIDTH - _LEFT - 80) / longest)
    path.write_text("\n".join([*parts, "</svg>"]) + "\n", "utf-8")


def _rows(profile: Profile) -> list[tuple[bool, list[OperatorCost]]]:
    """Operators that follow one another and are in the same attention block, or in none."""
    rows: list[tuple[bool, list[OperatorCost]]] = []
    before: object = object()
    for operator in profile.operators:
        if operator.block != before:
            rows.append((operator.block is not None, []))
            before = operator.block
        rows[-1][1].append(operator)
    return rows


def _bar(
    top: float, is_attention: bool, row: list[OperatorCost], profile: Profile, scale: float
) -> list[str]:
    colour = _KINDS[is_attention][1]
    shape = next((one.shape for one in reversed(row) if one.shape), None)
    size = "" if shape is None else "x".join(map(str, shape[1:]))
    name = f"{'attention on' if is_attention else 'others up to'} {size}"
    parts, left = [_text(8, top + 12, name)], float(_LEFT)
    for one in row:
        width = _took([one], profile) * scale
        title = escape(f"{one.name}: {one.microseconds:.1f} µs")
        parts.append(
            f'<rect x="{left:.1f}" y="{top:.1f}" width="{width:.1f}" height="{_BAR}" fill="{colour}" '
            f'stroke="white" stroke-width="0.5"><title>{title}</title></rect>'
        )
        left += width
    return [*parts, _text(left + 4, top + 12, f"{_took(row, profile):.0f} µs")]


def _took(row: list[OperatorCost], profile: Profile) -> float:
    """Microseconds of operators, with their part of the rest."""
    return sum(one.microseconds + profile.rest_per_operator for one in row)


def _legend(top: float) -> list[str]:
    parts = []
    for place, (heading, colour) in enumerate(_KINDS):
        left = _LEFT + 200 * place
        parts.append(f'<rect x="{left}" y="{top - 12}" width="12" height="12" fill="{colour}"/>')
        parts.append(_text(left + 18, top - 2, heading))
    return parts


def _text(left: float, bottom: float, text: str) -> str:
    return f'<text x="{left:.1f}" y="{bottom:.1f}">{escape(text)}</text>'
