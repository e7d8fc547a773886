"""How long everybody's files take on this machine, taking turns; it is `ca_deploy.bench` that times them."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from benchmarks.environments import complaint, environment, run_inside
from benchmarks.exact import parity_of
from benchmarks.row import Row
from ca_deploy.bench.devices import compare, open_device
from ca_deploy.bench.interleave import Effort
from ca_deploy.progress import Progress

PLAIN = "mobilenetv2"  # the recipe without attention


def take_times(rows: Sequence[Row], effort: Effort, progress: Progress) -> None:
    """Fill in the times: of what our runtimes run, all beside each other, then of rivals' own runtimes."""
    _take_times([row for row in rows if row.runs_on_ours], effort, progress)
    for row in rows:
        if row.file and not row.runs_on_ours:
            _measure_elsewhere(row, rows, effort, progress)


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
            assert ours.converted.form is not None
            row.ratios[ours.converted.form] = asdict(compare(ours.measurement, row.measurement))
        for plain in _plain_beside(row, rows):
            assert plain.measurement is not None
            assert row.measurement is not None
            row.over_plain = asdict(compare(row.measurement, plain.measurement))


def _ours_beside(row: Row, rows: Sequence[Row]) -> list[Row]:
    """Our files of the same subject and precision, one per form."""
    return [
        other
        for other in rows
        if other.measurement
        and other.converted.form
        and other.subject == row.subject
        and other.converted.precision == row.converted.precision
    ]


def _plain_beside(row: Row, rows: Sequence[Row]) -> list[Row]:
    """Ours without attention, which is the same file in every form."""
    return [
        other
        for other in rows
        if row.converted.form
        and other.measurement
        and (other.subject.recipe, other.converted.precision) == (PLAIN, row.converted.precision)
    ]


def _measure_elsewhere(row: Row, rows: Sequence[Row], effort: Effort, progress: Progress) -> None:
    """On the rival's own runtime, taking turns with each of our files."""
    rival = row.converted.rival
    assert rival is not None
    place = environment(rival.module, rival.requirements)
    for ours in _ours_beside(row, rows):
        progress.step(f"Timing {row.name} on its own runtime beside {ours.name}")
        with tempfile.TemporaryDirectory() as scratch:
            out = Path(scratch) / "figures.json"
            files = (str(row.file), str(ours.file), row.subject.recipe, str(row.subject.folder))
            arguments = (rival.module, *files, json.dumps(asdict(effort)), str(out))
            done = run_inside(place, "benchmarks.own_runtime", *arguments)
            if done.returncode:
                row.notes.append(f"does not run: {complaint(done.stderr)}")
                return
            figures = json.loads(out.read_text())
            row.parity = parity_of(row.subject, np.load(out.with_suffix(".npy")))
        assert ours.converted.form is not None
        row.cpu = figures["cpu"]
        row.ratios[ours.converted.form] = figures["ratio"]
