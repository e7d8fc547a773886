"""This machine as a device: what is measured, never how long it took."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from bench_models import gated_block

from ca_deploy.bench.devices import compare, open_device
from ca_deploy.bench.interleave import Effort
from ca_deploy.errors import DeviceError, UserError
from ca_deploy.progress import Silent

QUICK = Effort(rounds=2, runs=4, seconds=0, warm_up_seconds=0.1, cold_start=False)


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    made = [tmp_path / "float32.tflite", tmp_path / "int8.tflite"]
    for path in made:
        path.write_bytes(gated_block(path.stem))
    return made


def test_every_file_is_measured_with_every_number_of_threads(files: list[Path]) -> None:
    found = open_device("local").measure(files, (1, 2), QUICK, Silent())

    assert [(m.threads, m.file) for m in found] == [(n, f) for n in (1, 2) for f in files]
    for one in found:
        assert (one.device, one.delegate, one.instructions) == ("local", "XNNPACK", None)
        assert one.runtime.startswith("LiteRT 2.")
        assert one.wall is not None
        assert one.cpu is not None
        assert one.wall.runs == one.cpu.runs == 4
        assert 0 < one.wall.min <= one.wall.median <= one.wall.max


def test_measurements_of_one_session_compare(files: list[Path]) -> None:
    first, second = open_device("local").measure(files, (1,), QUICK, Silent())

    assert compare(first, first).value == 1
    assert compare(first, second).value == pytest.approx(1 / compare(second, first).value)


def test_a_cold_start_is_taken_in_a_process_of_its_own(files: list[Path]) -> None:
    effort = Effort(rounds=1, runs=1, seconds=0, warm_up_seconds=0)

    (one,) = open_device("local").measure(files[:1], (1,), effort, Silent())

    assert one.cold is not None
    assert one.cold.load_ms > 0
    assert one.cold.first_ms > 0
    assert 0 < one.cold.peak_bytes < 2**30


def test_the_document_is_json_without_folders_and_single_runs(files: list[Path]) -> None:
    (one,) = open_device("local").measure(files[:1], (1,), QUICK, Silent())

    document = json.loads(json.dumps(one.document()))

    assert document["file"] == "float32.tflite"
    assert document["wall"]["runs"] == 4
    assert "samples" not in document
    assert str(files[0].parent) not in json.dumps(document)


def test_more_threads_than_cores_are_warned_of(files: list[Path]) -> None:
    device = open_device("local")
    cores = device.identity().cores

    (one,) = device.measure(files[:1], (cores + 1,), QUICK, Silent())

    assert f"{cores + 1} threads on {cores} cores" in one.warnings


def test_the_machine_is_named_with_its_runtimes() -> None:
    identity = open_device("local").identity()

    assert identity.cores >= 1
    assert identity.processor
    assert set(identity.versions) == {"LiteRT", "ONNX Runtime", "Python"}
    assert not identity.emulated


def test_a_file_that_vanishes_before_its_cold_start_is_a_device_error(tmp_path: Path) -> None:
    from ca_deploy.bench.devices.local import _cold_start

    with pytest.raises(DeviceError, match=r"gone\.tflite could not be started"):
        _cold_start(tmp_path / "gone.tflite", 1)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("phone", "--device phone is unknown: use one of local, emulated"),
        ("local:1", "--device local:1 is unknown"),
        ("emulated:max", "--device emulated:max is unknown: use one of emulated:cortex-a53"),
        ("emulated", "--device emulated: is unknown"),
    ],
)
def test_an_unknown_device_says_which_there_are(name: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        open_device(name)
