"""One command's walk over several devices."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from bench_values import Board

from ca_deploy.cli.bench import bench
from ca_deploy.errors import StoppedError


def test_what_was_measured_is_saved_before_the_next_device_can_stop_the_run(
    model: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "model.tflite").write_bytes(model)
    errors = {"second": KeyboardInterrupt()}
    monkeypatch.setattr(
        "ca_deploy.bench.run.open_device", lambda name, _: Board(name, error=errors.get(name))
    )

    with pytest.raises(StoppedError, match=r"^interrupted; the devices before are in .*/bench-.*\.json$"):
        bench([tmp_path / "model.tflite"], ["first", "second"], out=tmp_path / "results", quiet=True)

    (saved,) = (tmp_path / "results").iterdir()
    (session,) = json.loads(saved.read_text())["devices"]
    assert (session["device"], len(session["measurements"])) == ("first", 1)
