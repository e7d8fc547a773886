"""Cost as the work grows, ours beside the best rival that takes part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from benchmarks.converted import our_files_at_once, rivals_files
from benchmarks.exact import ARM, examine
from benchmarks.growth_plot import Panel, svg
from benchmarks.make_subject import Wanted, make_subject
from benchmarks.measured import take_times
from benchmarks.page import interval, label, millions, table
from benchmarks.rivals.all_rivals import RIVALS
from benchmarks.rivals.rival import Rival
from benchmarks.row import Row
from benchmarks.session import Session
from benchmarks.side_by_side import ANDROID, X86
from ca_deploy.artifact import write_json
from ca_deploy.bench.interleave import Effort
from ca_deploy.progress import Progress

_RECIPE = str(Path(__file__).with_name("growth.toml"))
_FORMS = (X86, ANDROID)

# The fastest of docs/results.md: those of them that can be had take part.
_BEST = ("tiny_neural_network_ptq.tflite", "litert_torch_aeq.tflite", "onnx2tf_oiqt.tflite")


@dataclass(frozen=True)
class _Point:
    """One size of the work: input in pixels, width, and images at once."""

    size: int = 224
    width: float = 1.0
    batch: int = 1


_POINTS = (
    *(_Point(size=size) for size in (96, 160, 224, 256, 320)),
    *(_Point(width=width) for width in (0.35, 0.5, 0.75, 1.4)),
    *(_Point(batch=batch) for batch in (2, 4, 8)),
)


@dataclass(frozen=True)
class Growth:
    """What is converted.

    Attributes:
        again: modules of rivals whose files are to be made again.
        kept: whether our own files of the last run serve.
    """

    again: Sequence[str]
    kept: bool

    def rows(self, progress: Progress) -> dict[_Point, list[Row]]:
        """Files at every point, with the figures that do not depend on how busy the machine is."""
        return {point: self._rows_at(point, progress) for point in _POINTS}

    def publish(self, effort: Effort, out: Path, progress: Progress) -> None:
        """Convert, measure and publish `results.growth.md`, `.json` and `.svg` in `out`."""
        rows = self.rows(progress)
        session = Session.begin(effort, trained=False)
        for of_point in rows.values():
            take_times(of_point, effort, progress)
        session = session.ended()
        document = {
            "session": session.document(),
            "points": [
                {**asdict(point), "rows": [row.document() for row in of_point]}
                for point, of_point in rows.items()
            ],
        }
        write_json(out / "results.growth.json", document)
        (out / "results.growth.svg").write_text(svg(_panels(rows)), "utf-8")
        (out / "results.growth.md").write_text(_page(rows, session), "utf-8")

    def _rows_at(self, point: _Point, progress: Progress) -> list[Row]:
        wanted = Wanted(_RECIPE, width=point.width, size=str(point.size))
        subject = replace(make_subject(wanted, progress), batch=point.batch)
        progress.step(f"Exporting it for {' and '.join(form.label for form in _FORMS)}")
        made = our_files_at_once(subject, _FORMS, self.kept)
        made += rivals_files(subject, _best_rivals(), self.again, self.kept, progress)
        rows = [Row(subject, one) for one in made]
        examine(rows, progress, ARM[:1])
        return rows


def _best_rivals() -> list[Rival]:
    """The best rivals, each with its best route only, in order."""
    routes = {route.file: (rival, route) for rival in RIVALS for route in rival.routes}
    return [replace(rival, routes=(route,)) for rival, route in map(routes.__getitem__, _BEST)]


def _page(rows: dict[_Point, list[Row]], session: Session) -> str:
    ratios = [f"ours ({form.label}) ÷ it" for form in _FORMS]
    columns = ("input", "width", "batch", "route", "ms", *ratios, "A76")
    lines = [
        [
            str(point.size),
            f"{point.width:g}",
            str(point.batch),
            label(row),
            f"{row.cpu['median']:.2f}" if row.cpu else "-",
            *(interval(row.ratios.get(form.label)) for form in _FORMS),
            millions(row.instructions.get("cortex-a76")),
        ]
        for point, of_point in rows.items()
        for row in of_point
        if row.file
    ]
    head = (
        "# Results: cost as the work grows\n\n"
        f"Written by `python -m benchmarks growth` on {session.day}: coordinate attention, int8,\n"
        f"one thread of {session.machine.processor} (other programs kept {session.other_work:.2f} cores "
        f"busy),\nand million instructions on an emulated Cortex-A76. "
        "Columns as in [results.md](results.md);\nms and instructions are those of a whole batch.\n\n"
        "![Milliseconds per image](results.growth.svg)\n\n"
    )
    return "\n\n".join(part for part in (head + table(columns, lines), _left_out(rows)) if part) + "\n"


def _left_out(rows: dict[_Point, list[Row]]) -> str:
    """Who has no file, why, and at which points."""
    reasons: dict[str, list[str]] = {}
    for point, of_point in rows.items():
        where = f"{point.size} / {point.width:g} / {point.batch}"
        for row in of_point:
            if not row.file:
                reasons.setdefault(f"{label(row)}: {row.converted.skipped}", []).append(where)
    lines = [
        f"* {reason} ({'everywhere' if len(points) == len(rows) else ', '.join(points)})"
        for reason, points in reasons.items()
    ]
    return "\n".join(("## Left out (input / width / batch)\n", *lines)) if lines else ""


def _panels(rows: dict[_Point, list[Row]]) -> list[Panel]:
    """Milliseconds per image over each of the three things that grow, the others as published."""
    titles = {
        "size": "int8, ms over input in pixels",
        "width": "ms over width",
        "batch": "ms per image over images at once",
    }
    return [Panel(title, _lines(rows, name)) for name, title in titles.items()]


def _lines(rows: dict[_Point, list[Row]], name: str) -> dict[str, list[tuple[float, float]]]:
    lines: dict[str, list[tuple[float, float]]] = {}
    for point in sorted(rows, key=lambda point: getattr(point, name)):
        if replace(point, **{name: getattr(_Point(), name)}) != _Point():
            continue  # something else has grown
        for row in rows[point]:
            if row.cpu:
                found = (getattr(point, name), row.cpu["median"] / point.batch)
                lines.setdefault(label(row), []).append(found)
    return lines
