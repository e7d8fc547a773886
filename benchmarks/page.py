"""The published page of the comparison: Markdown tables, JSON with every figure, and a plot."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmarks.measured import PLAIN
from benchmarks.row import Row
from benchmarks.session import Session
from ca_deploy.artifact import write_json
from ca_deploy.report.plot import Bar, Chart, svg

SCHEMA_VERSION = 1

_HEAD = """# Results: beside other converters

Written by `python -m benchmarks` on {day}; every figure is in [results.json](results.json).

The same network with the same weights for everybody, the same {calibration} photographs for calibration, and
SQNR of the logits against PyTorch on {parity} other photographs. {weights}

Other converters get attention in the layers of the code that its authors published
(`benchmarks/published.py`: AdaptiveAvgPool2d, permute, h_swish by hand), to their favour without the `expand`
of both gates. Ours writes the same operators from that as from its own form; what the others make of ours is
in [performance.md](performance.md).

Machine: {processor}, {cores} cores, {system}; {versions}.
Other programs kept {others:.2f} cores busy while it was measured{busy}.

* **ours ÷ it**: median processor time of one thread of our file in that form (`--targets`,
  `--float-gates`) over this one's, with its 95 % bootstrap interval over {rounds} interleaved rounds. Below 1
  ours is faster.
* **A76, A53**: exact instructions of one inference on the emulated core, in millions. No time: an emulator
  has none to give.
* **nodes**: operators in the file / those that XNNPACK runs / partitions (1 is best).
* **CPU s**: processor time from starting Python to the finished file. Ours includes verifying and timing it;
  int8 is exported with `--optimize fast`.

![Processor time and instructions](results.svg)
"""
_BUSY = ": **other work disturbed the times**, so their intervals are wide and may be shifted"
_UNTRAINED = (
    "The weights are untrained, with batch normalization\nstatistics of photographs: cost is that of trained "
    "weights, but SQNR says little about accuracy, and it is\nlow for everybody."
)
_FORMS = ("x86", "x86, float gates", "android")
_COLUMNS = (
    "route",
    *(f"ours ({form}) ÷ it" for form in _FORMS),
    "A76",
    "A53",
    "nodes",
    "MB",
    "SQNR dB",
    "CPU s",
)


def publish(rows: Sequence[Row], session: Session, out: Path) -> None:
    """Write `results.md`, `results.json` and `results.svg`."""
    out.mkdir(parents=True, exist_ok=True)
    document = {
        "schema_version": SCHEMA_VERSION,
        "session": session.document(),
        "rows": [row.document() for row in rows],
    }
    write_json(out / "results.json", document)
    (out / "results.svg").write_text(svg(_charts(rows)), "utf-8")
    (out / "results.md").write_text(markdown(rows, session), "utf-8")


def markdown(rows: Sequence[Row], session: Session) -> str:
    """The page."""
    main = [row for row in rows if row.subject == rows[0].subject]
    parts = [_head(rows[0], session)]
    for precision in ("int8", "fp32"):
        chosen = [row for row in main if row.converted.precision == precision]
        parts.append(f"## {precision}\n\n{table(_COLUMNS, [_cells(row) for row in chosen if row.file])}")
    if any(row.over_plain for row in rows):
        parts.append(_cost_of_attention(rows))
    parts += [_skipped(main), _notes(rows), _versions(main)]
    return "\n\n".join(part.rstrip() for part in parts if part) + "\n"


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def interval(ratio: dict[str, float] | None) -> str:
    """A ratio with its interval, or a dash."""
    return f"{ratio['value']:.2f} ({ratio['low']:.2f} to {ratio['high']:.2f})" if ratio else "-"


def millions(instructions: int | None) -> str:
    """Instructions in millions, or a dash."""
    return f"{instructions / 1e6:.1f}" if instructions else "-"


def label(row: Row) -> str:
    """How tables and plots call a row."""
    return f"{row.converted.name} ({row.converted.form})" if row.converted.form else row.converted.name


def _head(first: Row, session: Session) -> str:
    machine = session.machine
    return _HEAD.format(
        day=session.day,
        calibration=len(first.subject.calibration()),
        parity=len(first.subject.parity()),
        weights="" if session.trained else _UNTRAINED,
        processor=machine.processor,
        cores=machine.cores,
        system=machine.system,
        versions=", ".join(f"{name} {version}" for name, version in machine.versions.items()),
        others=session.other_work,
        busy=_BUSY if session.busy else "",
        rounds=session.effort.rounds,
    )


def _cells(row: Row) -> list[str]:
    assert row.file is not None
    found, name = row.xnnpack, label(row)
    return [
        f"**{name}**" if row.converted.form else name,
        *(interval(row.ratios.get(form)) for form in _FORMS),
        millions(row.instructions.get("cortex-a76")),
        millions(row.instructions.get("cortex-a53")),
        f"{found['nodes']} / {found['delegated']} / {found['partitions']}" if found else "-",
        f"{row.file.stat().st_size / 1e6:.2f}",
        f"{row.parity.sqnr_db:.1f}" if row.parity else "-",
        f"{row.converted.cost.cpu:.0f}" if row.converted.cost else "-",
    ]


def _cost_of_attention(rows: Sequence[Row]) -> str:
    cells = [
        [
            row.subject.recipe,
            row.converted.form or "",
            interval(row.over_plain),
            millions(row.instructions.get("cortex-a76")),
            millions(row.instructions.get("cortex-a53")),
        ]
        for row in rows
        if row.over_plain
    ]
    columns = ("network", "ours", f"processor time ÷ {PLAIN}'s", "A76", "A53")
    return f"## What attention costs (ours, int8)\n\n{table(columns, cells)}"


def _skipped(rows: Sequence[Row]) -> str:
    lines = [
        f"* {label(row)}, {row.converted.precision}: {row.converted.skipped}" for row in rows if not row.file
    ]
    return "\n".join(("## Left out\n", *lines)) if lines else ""


def _notes(rows: Sequence[Row]) -> str:
    lines = [
        f"* {label(row)}, {row.subject.recipe}, {row.converted.precision}: {note}"
        for row in rows
        for note in dict.fromkeys(row.notes)
    ]
    return "\n".join(("## Doubts\n", *lines)) if lines else ""


def _versions(rows: Sequence[Row]) -> str:
    versions = {row.converted.name: row.converted.versions for row in rows if row.converted.versions}
    lines = [
        f"* {name}: " + ", ".join(f"{package} {version}" for package, version in packages.items())
        for name, packages in versions.items()
    ]
    return "\n".join(("## Versions\n", *lines))


def _charts(rows: Sequence[Row]) -> list[Chart]:
    main = [r for r in rows if r.subject == rows[0].subject and r.converted.precision == "int8" and r.file]
    times = [
        Bar(label(row), 1 / row.ratios["x86"]["value"], bool(row.converted.form))
        for row in main
        if "x86" in row.ratios
    ]
    counts = [
        Bar(label(row), row.instructions["cortex-a76"] / 1e6, bool(row.converted.form))
        for row in main
        if "cortex-a76" in row.instructions
    ]
    return [
        Chart("int8, x86-64: processor time over ours (x86)", times, digits=2),
        Chart("int8, ARM Cortex-A76: million instructions of one inference", counts, digits=1),
    ]
