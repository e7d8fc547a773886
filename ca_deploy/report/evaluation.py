"""What people and machines read after an evaluation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, astuple
from typing import Any

from rich.markup import escape
from rich.table import Table

from ca_deploy.evaluation import ClassChange, Comparison, Estimate, Evaluated, EvaluationResult, Move
from ca_deploy.report.finite import finite

SCHEMA_VERSION = 1
_MOST_CLASSES = 10
_MOST_MOVES = 2


def document(result: EvaluationResult) -> dict[str, Any]:
    """The evaluation as JSON: shares from 0 to 1, intervals of 95 %."""
    return {
        "schema_version": SCHEMA_VERSION,
        "target": str(result.target),
        "data": str(result.data),
        "labels": result.labels,
        "left_out": result.left_out,
        "skipped_images": [asdict(one) for one in result.skipped],
        "reference": None if result.reference is None else _evaluated(result.reference),
        "artifacts": [_evaluated(one) for one in result.artifacts],
        "warnings": list(result.warnings),
    }


def _evaluated(one: Evaluated) -> dict[str, Any]:
    found = {"name": one.name, "runtime": one.runtime, "delegate": one.delegate, **asdict(one.accuracy)}
    if one.accuracy.comparison is not None:
        found["comparison"]["sqnr_db"] = finite(asdict(one.accuracy.comparison.sqnr_db))
    return found


def accuracy_table(result: EvaluationResult) -> Table:
    """Every artifact in a row, under the float network."""
    table = Table(title=escape(f"{result.target} on {result.data}"), title_justify="left")
    table.add_column("")
    for heading in ("top-1 %", "top-5 %", "beside float", "agreement %", "SQNR dB", "max abs"):
        table.add_column(heading, justify="right")
    table.add_column("runtime")
    for one in (*((result.reference,) if result.reference else ()), *result.artifacts):
        accuracy = one.accuracy
        top5 = "" if accuracy.top5 is None else f"{100 * accuracy.top5.value:.2f}"
        beside = _beside(accuracy.comparison)
        table.add_row(escape(one.name), _percent(accuracy.top1), top5, *beside, one.runtime)
    return table


def legend(result: EvaluationResult) -> str:
    """How to read the table."""
    first = result.reference or result.artifacts[0]
    return (
        f"{first.accuracy.images} images. In brackets 95 % intervals: what other such images could give. "
        "Beside float: points of top-1 on the same images; an interval with 0 in it proves no difference."
    )


def change_tables(result: EvaluationResult) -> list[Table]:
    """A table for each artifact that answers otherwise than the float network; one for those that agree."""
    names: dict[tuple[tuple[ClassChange, ...], tuple[Move, ...]], list[str]] = {}
    for one in result.artifacts:
        if (found := one.accuracy.comparison) is not None:
            names.setdefault((found.classes, found.moves), []).append(one.name)
    return [
        _change_table(", ".join(alike), classes, moves, result.labels)
        for (classes, moves), alike in names.items()
        if any(one.gained or one.lost for one in classes)
    ]


def _change_table(
    name: str, classes: Sequence[ClassChange], moves: Sequence[Move], labels: tuple[str, ...] | None
) -> Table:
    """Classes that are answered otherwise than by the float network, most changed first."""
    changed = [found for found in classes if found.gained or found.lost]
    changed.sort(key=lambda found: (-found.gained - found.lost, found.label))
    rest = f" ({_MOST_CLASSES} of {len(changed)} classes)" if len(changed) > _MOST_CLASSES else ""
    table = Table(title=escape(f"{name}: changed answers{rest}"), title_justify="left")
    table.add_column("class")
    for heading in ("images", "float right", "gained", "lost", "net"):
        table.add_column(heading, justify="right")
    table.add_column("most often")
    for found in changed[:_MOST_CLASSES]:
        table.add_row(*_class_row(found, labels), _moves(found, moves, labels))
    return table


def _class_row(found: ClassChange, labels: tuple[str, ...] | None) -> tuple[str, ...]:
    counts = (found.images, found.reference, found.gained, found.lost)
    return escape(_label(found.label, labels)), *map(str, counts), f"{found.gained - found.lost:+d}"


def _moves(found: ClassChange, all_moves: Sequence[Move], labels: tuple[str, ...] | None) -> str:
    """The commonest changes of answer for the images of one class."""
    moves = [move for move in all_moves if move.label == found.label][:_MOST_MOVES]
    words = (f"{_label(m.before, labels)} → {_label(m.after, labels)} ({m.images})" for m in moves)
    return escape(", ".join(words))


def _label(number: int, labels: tuple[str, ...] | None) -> str:
    if number < 0:
        return "NaN"
    return labels[number] if labels else str(number)


def _beside(found: Comparison | None) -> tuple[str, str, str, str]:
    if found is None:
        return "", "", "", ""
    value, low, high = (100 * end for end in astuple(found.difference))
    points = f"{value:+.2f} ({low:+.2f} … {high:+.2f})"
    return points, _percent(found.agreement), _decibels(found.sqnr_db), f"{found.max_abs:.1e}"


def _decibels(found: Estimate) -> str:
    return "∞" if math.isinf(found.value) else f"{found.value:.2f} ± {(found.high - found.low) / 2:.2f}"


def _percent(share: Estimate) -> str:
    return f"{100 * share.value:.2f} ({100 * share.low:.2f} … {100 * share.high:.2f})"
