"""What everybody's files cost and how close they come to PyTorch.

All figures come from `ca_deploy.bench` and `ca_deploy.verify`; nothing is timed here.
"""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.converted import Converted
from benchmarks.environments import complaint, environment, run_inside
from benchmarks.subject import Images, Subject
from ca_deploy.bench.devices import Measurement, compare, open_device
from ca_deploy.bench.interleave import Effort
from ca_deploy.errors import CaDeployError
from ca_deploy.metrics import Parity, parity
from ca_deploy.progress import Progress
from ca_deploy.runtimes import open_runtime
from ca_deploy.verify.delegates import Delegation, check_delegation
from ca_deploy.verify.ladder import outputs_of

ARM = ("emulated:cortex-a76", "emulated:cortex-a53")
PLAIN = "mobilenetv2"  # the recipe without attention
_OUR_SUFFIXES = (".tflite", ".onnx")  # what our own adapters run


@dataclass
class Row:
    """One route with its figures; what does not apply, or could not be had, is None or missing.

    Attributes:
        subject: what was converted.
        converted: the file.
        delegation: what XNNPACK takes of it.
        parity: against PyTorch, on images that nobody calibrated on.
        measurement: on this machine.
        cpu: processor time on this machine, milliseconds, one thread.
        ratios: of our file for a target, of the same subject and precision, over this one: value, low, high.
        over_plain: ours only: processor time over that of ours without attention for the same target.
        instructions: of one inference, by emulated core.
        notes: what is doubtful or went wrong.
    """

    subject: Subject
    converted: Converted
    delegation: Delegation | None = None
    parity: Parity | None = None
    measurement: Measurement | None = None
    cpu: dict[str, Any] | None = None
    ratios: dict[str, dict[str, float]] = field(default_factory=dict)
    over_plain: dict[str, float] | None = None
    instructions: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def file(self) -> Path | None:
        """Where the file lies; None when there is none."""
        return self.converted.file

    @property
    def runs_on_ours(self) -> bool:
        """Whether the runtimes that `ca_deploy` knows run the file."""
        return self.file is not None and self.file.suffix in _OUR_SUFFIXES

    def document(self) -> dict[str, Any]:
        """For JSON."""
        made = self.converted
        return {
            "route": made.name,
            "target": made.target,
            "network": self.subject.recipe,
            "input": list(self.subject.sample().shape[2:]),
            "precision": made.precision,
            "skipped": made.skipped,
            "versions": made.versions,
            "conversion_seconds": asdict(made.cost) if made.cost else None,
            "bytes": self.file.stat().st_size if self.file else None,
            "parity": asdict(self.parity) if self.parity else None,
            "xnnpack": _delegation(self.delegation),
            "runtime": self.measurement.runtime if self.measurement else None,
            "cpu_ms": self.cpu,
            "ours_over_this": self.ratios,
            "over_no_attention": self.over_plain,
            "arm_instructions": self.instructions,
            "notes": self.notes,
        }


def _delegation(found: Delegation | None) -> dict[str, Any] | None:
    if found is None:
        return None
    outside = Counter(node.operator for node in found.outside)
    return {
        "nodes": found.nodes,
        "delegated": found.delegated,
        "partitions": found.partitions,
        "outside": dict(outside),
    }


def measure(rows: Sequence[Row], effort: Effort, cores: Sequence[str], progress: Progress) -> None:
    """Fill in all figures: first what load does not change, then the times, all files taking turns."""
    present = [row for row in rows if row.runs_on_ours]
    for row in present:
        _examine(row, progress)
    for core in cores:
        _count_instructions(core, present, progress)
    _take_times(present, effort, progress)
    for row in rows:
        if row.file and not row.runs_on_ours:
            _measure_elsewhere(row, rows, effort, progress)


def _examine(row: Row, progress: Progress) -> None:
    assert row.file is not None
    progress.step(f"Comparing {_label(row)} with PyTorch")
    if row.file.suffix == ".tflite":
        row.delegation = check_delegation(row.file)
    images = row.subject.parity()
    logits = outputs_of(open_runtime(row.file), [images], len(images), progress)
    row.parity = _parity(row.subject, logits)


def _parity(subject: Subject, logits: Images) -> Parity:
    return parity(subject.reference(), np.nan_to_num(logits))


def _count_instructions(core: str, rows: Sequence[Row], progress: Progress) -> None:
    """Count on one core; a file that fails there says so and hinders no other."""
    device = open_device(core)
    name = core.partition(":")[2]
    for row in rows:
        if row.file is None or row.file.suffix != ".tflite":
            continue
        progress.step(f"Counting the instructions of {_label(row)} on {name}")
        try:
            (measurement,) = device.measure([row.file], [1], Effort(), progress)
        except CaDeployError as error:
            row.notes.append(f"{name}: {error}")
            continue
        assert measurement.instructions is not None
        row.instructions[name] = measurement.instructions.total
        row.notes += [f"{name}: {warning}" for warning in measurement.warnings]


def _take_times(rows: Sequence[Row], effort: Effort, progress: Progress) -> None:
    files = [row.file for row in rows if row.file]
    for row, measurement in zip(
        rows, open_device("local").measure(files, [1], effort, progress), strict=True
    ):
        assert measurement.cpu is not None
        row.measurement, row.cpu = measurement, asdict(measurement.cpu)
        row.notes += measurement.warnings
    for row in rows:
        for ours in _ours_beside(row, rows):
            assert ours.measurement is not None
            assert row.measurement is not None
            assert ours.converted.target is not None
            row.ratios[ours.converted.target] = asdict(compare(ours.measurement, row.measurement))
        for plain in _plain_beside(row, rows):
            assert plain.measurement is not None
            assert row.measurement is not None
            row.over_plain = asdict(compare(row.measurement, plain.measurement))


def _ours_beside(row: Row, rows: Sequence[Row]) -> list[Row]:
    """Our files of the same subject and precision, one per target."""
    return [
        other
        for other in rows
        if other.measurement
        and other.converted.target
        and other.subject == row.subject
        and other.converted.precision == row.converted.precision
    ]


def _plain_beside(row: Row, rows: Sequence[Row]) -> list[Row]:
    """Ours without attention for the same target and precision."""
    wanted = (PLAIN, row.converted.precision, row.converted.target)
    return [
        other
        for other in rows
        if row.converted.target
        and other.measurement
        and (other.subject.recipe, other.converted.precision, other.converted.target) == wanted
    ]


def _measure_elsewhere(row: Row, rows: Sequence[Row], effort: Effort, progress: Progress) -> None:
    """On the rival's own runtime, taking turns with our file for each target."""
    rival = row.converted.rival
    assert rival is not None
    place = environment(rival.module, rival.requirements)
    for ours in _ours_beside(row, rows):
        progress.step(f"Timing {_label(row)} on its own runtime beside {_label(ours)}")
        with tempfile.TemporaryDirectory() as scratch:
            out = Path(scratch) / "figures.json"
            files = (str(row.file), str(ours.file), row.subject.recipe, str(row.subject.folder))
            arguments = (rival.module, *files, json.dumps(asdict(effort)), str(out))
            done = run_inside(place, "benchmarks.own_runtime", *arguments)
            if done.returncode:
                row.notes.append(f"does not run: {complaint(done.stderr)}")
                return
            figures = json.loads(out.read_text())
            row.parity = _parity(row.subject, np.load(out.with_suffix(".npy")))
        assert ours.converted.target is not None
        row.cpu = figures["cpu"]
        row.ratios[ours.converted.target] = figures["ratio"]


def _label(row: Row) -> str:
    target = f" for {row.converted.target}" if row.converted.target else ""
    return f"{row.converted.name}{target} ({row.converted.precision})"
