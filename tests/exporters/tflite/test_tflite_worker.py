"""The converter in its own process: same bytes, errors passed on, nothing left running."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest
import tflite_blocks as blocks
from tflite_models import model

from ca_deploy.errors import CaDeployError, UserError
from ca_deploy.exporters.tflite import Converter
from ca_deploy.exporters.tflite.convert import convert


@pytest.fixture(scope="module")
def converter() -> Iterator[Converter]:
    with Converter() as started:
        yield started


def test_two_processes_write_the_same_bytes(converter: Converter) -> None:
    graph = blocks.coordinate_attention()
    there, here = converter.convert(graph.SerializeToString()), convert(graph)
    assert there == here
    assert converter.convert(graph.SerializeToString()) == here


def test_refusal_is_passed_on_and_the_worker_goes_on(converter: Converter) -> None:
    graph = model("g (float[4] input) => (float[4] output) { output = Erf (input) }")
    with pytest.raises(
        UserError, match=r"^no exact TFLite form for: Erf [^\n]+: --formats onnx\.$"
    ) as caught:
        converter.convert(graph.SerializeToString())
    assert caught.value.exit_status == 2
    assert converter.convert(blocks.se().SerializeToString()).data[4:8] == b"TFL3"


def test_dead_worker_is_reported() -> None:
    with Converter() as doomed:
        os.kill(doomed.pid, signal.SIGKILL)
        with pytest.raises(CaDeployError, match=r"^the TFLite converter's process ended with status -9"):
            doomed.convert(b"")


def test_nothing_is_left_running_after_an_interrupt() -> None:
    with pytest.raises(KeyboardInterrupt), Converter() as interrupted:
        raise KeyboardInterrupt
    with pytest.raises(ProcessLookupError):
        os.kill(interrupted.pid, 0)


def test_package_does_not_load_tensorflow() -> None:
    code = "import sys, ca_deploy.exporters.tflite; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
