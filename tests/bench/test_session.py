"""One device's failure leaves the others measured."""

from __future__ import annotations

from pathlib import Path

import pytest
from bench_values import BOARD, Board

from ca_deploy.bench.interleave import Effort
from ca_deploy.bench.session import measure_on
from ca_deploy.errors import DeviceError, UserError
from ca_deploy.progress import Silent

TFLITE, ONNX = Path("model.tflite"), Path("model.onnx")


@pytest.mark.parametrize(
    "error", [DeviceError("first is gone"), OSError(28, "No space left on device"), ValueError("no JSON")]
)
def test_devices_behind_one_that_fails_are_measured(error: Exception) -> None:
    devices = [Board("first", error=error), Board("second")]

    failed, done = measure_on(devices, [TFLITE], [1, 2], Effort(), Silent())

    said = str(error) if isinstance(error, DeviceError) else f"first: {error}"
    assert (failed.error, failed.identity, failed.measurements) == (said, None, ())
    assert (done.error, done.identity) == (None, BOARD)
    assert [one.threads for one in done.measurements] == [1, 2]


def test_files_that_a_device_does_not_run_are_left_out() -> None:
    (session,) = measure_on([Board("board")], [ONNX, TFLITE], [1], Effort(), Silent())

    assert session.skipped == {ONNX: "runs .tflite files only"}
    assert [one.file for one in session.measurements] == [TFLITE]


def test_a_device_that_runs_none_of_the_files_has_failed() -> None:
    (session,) = measure_on([Board("board")], [ONNX], [1], Effort(), Silent())

    assert session.error == "board: runs .tflite files only"


def test_bad_input_stops_everything() -> None:
    with pytest.raises(UserError, match="no model"):
        list(measure_on([Board("board", error=UserError("no model"))], [TFLITE], [1], Effort(), Silent()))


def test_a_device_that_cannot_even_look_at_a_file_stops_no_other() -> None:
    class Blind(Board):
        def refusal(self, file: Path) -> str | None:
            raise FileNotFoundError(2, "No such file or directory", file.name)

    failed, done = measure_on([Blind("blind"), Board("board")], [TFLITE], [1], Effort(), Silent())

    assert failed.error == "blind: [Errno 2] No such file or directory: 'model.tflite'"
    assert done.error is None


def test_what_a_device_finds_out_while_measuring_is_told_too() -> None:
    class Surprised(Board):
        left_out = {TFLITE: "on WebGPU, 1 thread: no memory"}  # noqa: RUF012  of a class for one test

    (session,) = measure_on([Surprised("board")], [ONNX, TFLITE], [1], Effort(), Silent())

    assert session.skipped == {ONNX: "runs .tflite files only", TFLITE: "on WebGPU, 1 thread: no memory"}
    assert [one.file for one in session.measurements] == [TFLITE]


def test_a_device_may_refuse_files_of_its_own_suffixes() -> None:
    class Choosy(Board):
        def refusal(self, file: Path) -> str | None:
            return "is too large" if file.stem == "large" else None

    (session,) = measure_on([Choosy("board")], [Path("large.tflite"), TFLITE], [1], Effort(), Silent())
    (failed,) = measure_on([Choosy("board")], [Path("large.tflite")], [1], Effort(), Silent())

    assert session.skipped == {Path("large.tflite"): "is too large"}
    assert [one.file for one in session.measurements] == [TFLITE]
    assert failed.error == "board: is too large"
