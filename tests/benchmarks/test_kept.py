"""What benchmarks keep between runs: nothing outdated, nothing half-written, no failure for good."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from benchmarks import converted, exact
from ca_deploy.artifact import check_target
from ca_deploy.progress import Silent


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def row(tmp_path: Path) -> SimpleNamespace:
    file = tmp_path / "model.tflite"
    file.write_bytes(b"a model")
    subject = SimpleNamespace(folder=tmp_path / "subject", recipe="recipe")
    return SimpleNamespace(file=file, name="ours", subject=subject)


def test_a_figure_is_taken_once_and_again_when_what_takes_it_has_changed(row: SimpleNamespace) -> None:
    figures = iter([{"instructions": 1}, {"instructions": 2}])

    def count(qemu: str) -> int:
        return exact._kept(row, "cortex-a76", lambda _: next(figures), Silent(), [qemu])["instructions"]

    assert [count("QEMU 7.2"), count("QEMU 7.2"), count("QEMU 8.1")] == [1, 1, 2]


def test_a_figure_that_fails_leaves_nothing(row: SimpleNamespace) -> None:
    def fail(_: object) -> dict[str, object]:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        exact._kept(row, "parity", fail, Silent())
    assert exact._kept(row, "parity", lambda _: {"sqnr_db": 30.0}, Silent()) == {"sqnr_db": 30.0}


def test_an_export_that_failed_can_be_repeated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "ours"
    folder.mkdir()
    (folder / "record.json").write_text("{}")
    said = SimpleNamespace(returncode=2, stderr="error: no such weights")

    def export(command: list[str], **_: object) -> SimpleNamespace:
        check_target(folder, overwrite=True)  # what an export does first
        return said

    monkeypatch.setattr(converted.subprocess, "run", export)
    subject = SimpleNamespace(recipe="r", weights="w", sample=lambda: SimpleNamespace(shape=(1, 3, 8, 8)))
    converted._export(subject, "int8", converted.Form("x86", "x86"), folder)
    assert converted._read_record(folder).failure == "error: no such weights"
