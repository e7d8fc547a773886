"""`ca-deploy bench` as a user calls it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from ca_deploy.verify.tflite_graph import TFLiteGraph

ROOT = Path(__file__).parents[2]
QUICK = ("--runs", "4", "--seconds", "0", "--quiet")


def bench(*arguments: str | Path, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "ca_deploy", "bench", *map(str, arguments)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=100
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two models: `small.tflite`, and `large.tflite` with many more pixels and nodes."""
    for name, size, length in (("small", 4, 1), ("large", 256, 10)):
        graph = TFLiteGraph()
        tensors = [graph.tensor((1, size, size, 3), "float32") for _ in range(length + 1)]
        for given, made in pairwise(tensors):
            graph.node("ABS", [given], [made])
        (tmp_path / f"{name}.tflite").write_bytes(graph.to_bytes([tensors[0]], [tensors[-1]]))
    return tmp_path


@pytest.fixture
def saved(folder: Path) -> Path:
    """The results of both models in turn, made a tenth of a microsecond for each run."""
    finished = bench("large.tflite", "--against", "small.tflite", "--out", "results", *QUICK, folder=folder)
    assert finished.returncode == 0, finished.stderr
    assert "XNNPACK" in finished.stdout
    assert "processor time" in finished.stdout
    (saved,) = (folder / "results").iterdir()
    document = json.loads(saved.read_text())
    assert [one["against"] for one in document["comparisons"]] == ["small.tflite"]
    for measurement in document["devices"][0]["measurements"]:
        samples = measurement["samples"]
        measurement["samples"] = {
            kind: [[1e-4 for _ in r] for r in rounds] for kind, rounds in samples.items()
        }
    saved.write_text(json.dumps(document))
    return saved


def test_a_model_that_crashes_is_said_and_the_others_are_measured(folder: Path) -> None:
    graph = TFLiteGraph()
    image, half, other = (graph.tensor((1, 4, 4, width), "float32") for width in (4, 2, 2))
    graph.node("SPLIT", [graph.tensor((), "int32", value=np.array(3)), image], [half, other])
    (folder / "crash.tflite").write_bytes(graph.to_bytes([image], [half]))

    finished = bench("crash.tflite", "small.tflite", *QUICK, folder=folder)

    assert finished.returncode == 4
    assert "error: crash.tflite: crashes its runtime on this machine (SIGSEGV)" in finished.stderr
    assert "Traceback" not in finished.stderr
    assert "small.tflite" in finished.stdout


def test_a_slower_artifact_is_shown_and_fails_and_so_does_one_that_was_not_compared(
    folder: Path, saved: Path
) -> None:
    arguments = ("large.tflite", "--against", saved, "--fail-above", "1.5", "--threads", "1,2")
    finished = bench(*arguments, "--json", *QUICK, folder=folder)

    assert finished.returncode == 3, finished.stderr
    slower, untold = (line for line in finished.stderr.splitlines() if line.startswith("error:"))
    assert slower.startswith("error: local: large.tflite, 1 thread: takes ")
    assert slower.endswith(f"of {saved.name}, more than 1.5")
    assert untold == (
        "error: local: large.tflite, 2 threads, XNNPACK: not compared: "
        f"{saved.name} has no measurement of its kind"
    )
    assert [one["interleaved"] for one in json.loads(finished.stdout)["comparisons"]] == [False]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["gone.tflite"], "error: gone.tflite: there is no such file or folder"),
        (["small.tflite", "--device", "toaster"], "error: --device toaster is unknown: use one of local"),
        (["small.tflite", "--threads", "1,0"], "error: --threads 1,0: give numbers from 1"),
        (["small.tflite", "--fail-above", "1.1"], "error: --fail-above: needs a baseline"),
        (["small.tflite", "--seconds", "inf"], "error: --seconds inf: give a finite number"),
        (["small.tflite", "--fail-above", "nan"], "error: --fail-above nan: give a finite number"),
        (
            ["small.tflite", "--against", "no.json"],
            "error: --against no.json: there is no such file or folder;",
        ),
        (
            ["small.tflite", "--against", "earlier"],
            "error: --against earlier: holds results of earlier runs;",
        ),
        (["small.tflite", "--against", "small.tflite"], "error: --against: none of small.tflite is another"),
    ],
)
def test_bad_input_is_one_line_and_status_2(arguments: list[str], message: str, folder: Path) -> None:
    (folder / "earlier").mkdir()
    (folder / "earlier" / "bench-20260102T030405Z.json").touch()
    finished = bench(*arguments, folder=folder)

    assert finished.returncode == 2
    (line,) = finished.stderr.splitlines()
    assert line.startswith(message)
