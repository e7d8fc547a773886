"""What a program of its own says of an artifact's start."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ca_deploy.bench.devices import cold_start


@pytest.mark.parametrize(
    ("name", "library"),
    [("a.tflite", "ai_edge_litert"), ("a.onnx", "onnxruntime"), ("a.ort", "onnxruntime")],
)
def test_the_library_is_there_before_the_clock_starts(name: str, library: str) -> None:
    program = (
        "import sys; from pathlib import Path; "
        "from ca_deploy.bench.devices.cold_start import _import_runtime; "
        f"_import_runtime(Path({name!r})); sys.exit({library!r} not in sys.modules)"
    )

    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_memory_is_unknown_where_the_system_does_not_tell(
    model: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "model.tflite").write_bytes(model)
    monkeypatch.setattr(cold_start, "_STATUS", tmp_path / "none")

    found = cold_start.cold_start(tmp_path / "model.tflite", 1)

    assert found.peak_bytes is None
    assert found.load_ms > 0
