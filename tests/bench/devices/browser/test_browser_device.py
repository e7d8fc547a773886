"""The whole way: the command, its page in Chromium across a network, the result. Needs Debian's chromium."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from chromium import Chromium, wait_until
from conftest import Network
from onnx import helper

from ca_deploy.runtimes import Quantization
from ca_deploy.verify.tflite_graph import TFLiteGraph

pytestmark = pytest.mark.devices

STATE = "document.querySelector('#status')?.dataset.state"
START = "document.querySelector('#start')?.hidden === false"
SHAPE = (1, 16, 16, 3)


class Command:
    """`ca-deploy bench` in a process of its own, and the address that it shows."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self._shown = folder / "shown"
        command = (sys.executable, "-m", "ca_deploy", "bench", *arguments, "--json", "--runs", "10")
        with self._shown.open("w") as shown:
            self._process = subprocess.Popen(
                (*command, "--seconds", "0.1"),
                stdout=subprocess.PIPE,
                stderr=shown,
                text=True,
                env=os.environ | {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
            )

    @property
    def shown(self) -> str:
        return self._shown.read_text()

    def address(self) -> str:
        """Wait until it invites; the first time it fetches the runtimes."""

        def found() -> str | None:
            if self._process.poll() is not None:
                raise AssertionError(self.shown)
            match = re.search(r"^https?://\S+/$", self.shown, re.MULTILINE)
            return match and match[0]

        return str(wait_until(found, 300, "an address"))

    def interrupt(self) -> None:
        self._process.send_signal(signal.SIGINT)

    def end(self) -> tuple[int, dict[str, Any]]:
        """Exit status and what it printed."""
        out, _ = self._process.communicate(timeout=60)
        return self._process.returncode, json.loads(out) if out else {}

    def stop(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.communicate()


Run = Callable[..., Command]
Phone = Callable[[str], Chromium]


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    started: list[Command] = []

    def start(*arguments: str) -> Command:
        started.append(Command(tmp_path, *arguments))
        return started[-1]

    yield start
    for command in started:
        command.stop()


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """A folder with float32, uint8 and int8 at the interface, and an ONNX file."""
    folder = tmp_path / "models"
    folder.mkdir()
    for dtype in ("float32", "uint8", "int8"):
        (folder / f"{dtype}.tflite").write_bytes(doubled(dtype))
    image, out = (
        helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, (1, 3, 16, 16)) for name in ("x", "y")
    )
    graph = helper.make_graph([helper.make_node("HardSwish", ["x"], ["y"])], "hard swish", [image], [out])
    opset = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=10), folder / "model.onnx")
    return folder


def doubled(dtype: str) -> bytes:
    """An image times two in float32, whatever type the file takes; int8 at both ends, uint8 at the first."""
    graph = TFLiteGraph()
    real, out = graph.tensor(SHAPE), graph.tensor(SHAPE)
    two = graph.tensor((1,), value=np.array([2.0]))
    first, last = real, out
    if dtype != "float32":
        zero_point = 128 if dtype == "uint8" else 0
        first = graph.tensor(SHAPE, dtype, quantization=Quantization((0.01,), (zero_point,)))
        graph.node("DEQUANTIZE", [first], [real])
    graph.node("MUL", [real, two], [out], "Mul")
    if dtype == "int8":
        last = graph.tensor(SHAPE, "int8", quantization=Quantization((0.02,), (0,)))
        graph.node("QUANTIZE", [out], [last])
    return graph.to_bytes([first], [last])


def test_a_phone_measures_checks_and_posts_back(
    run: Run, phone: Phone, network: Network, models: Path
) -> None:
    command = run(str(models), "--device", f"browser:{network.address}", "--threads", "1,2")
    browser = phone(command.address())
    browser.wait_for(START)
    assert browser.evaluate("[isSecureContext, crossOriginIsolated]") == [True, True]
    browser.evaluate("document.querySelector('#start').click()")
    browser.wait_for(f"{STATE} === 'finished'")

    status, document = command.end()

    assert status == 0, command.shown
    (device,) = document["devices"]
    ran = [(m["file"], m["delegate"], m["threads"]) for m in device["measurements"]]
    assert ran == [
        (file, delegate, threads)
        for threads in (1, 2)
        for file, delegate in (
            ("float32.tflite", "XNNPACK"),
            ("model.onnx", "WebAssembly"),
            ("uint8.tflite", "XNNPACK"),
        )
    ]
    for one in device["measurements"]:
        assert one["wall"]["runs"] >= 10
        assert 0 <= one["wall"]["min"] <= one["wall"]["median"]
        assert one["cold"]["load_ms"] > 0
        assert one["parity"]["max_abs"] < 1e-5
        assert len(one["samples"]["wall"]) == 10
    reason = "LiteRT.js takes float32, int32 or uint8 at a model's interface, not int8"
    assert device["skipped"] == [{"file": "int8.tflite", "reason": reason}]
    assert f"does not run int8.tflite: {reason}" in command.shown
    identity = device["identity"]
    assert identity["versions"]["browser"].startswith("Chrom")
    assert {"LiteRT.js", "ONNX Runtime Web", "WebGPU adapter"} < set(identity["versions"])


def test_without_encryption_one_thread_is_measured_and_the_result_says_so(
    run: Run, phone: Phone, network: Network, models: Path
) -> None:
    file = str(models / "float32.tflite")
    command = run(file, "--device", f"browser:{network.address}", "--insecure", "--threads", "1,2")
    browser = phone(command.address())
    browser.wait_for(START)
    assert browser.evaluate("[isSecureContext, crossOriginIsolated]") == [False, False]
    assert "not encrypted" in browser.evaluate("document.querySelector('#notices').innerText")
    browser.evaluate("document.querySelector('#start').click()")
    browser.wait_for(f"{STATE} === 'finished'")

    status, document = command.end()

    assert status == 0, command.shown
    (one,) = document["devices"][0]["measurements"]
    assert one["threads"] == 1
    assert any("not encrypted" in warning for warning in one["warnings"])


def test_a_closed_tab_ends_the_run_with_one_line(
    run: Run, phone: Phone, network: Network, models: Path
) -> None:
    command = run(str(models / "float32.tflite"), "--device", f"browser:{network.address}")
    browser = phone(command.address())
    browser.wait_for(START)
    browser.open("about:blank")

    status, document = command.end()

    assert status == 4
    assert document["devices"][0]["error"] == "browser: the page was closed before it was done"


def test_ctrl_c_ends_the_run_and_the_page_says_so(
    run: Run, phone: Phone, network: Network, models: Path
) -> None:
    command = run(str(models / "float32.tflite"), "--device", f"browser:{network.address}")
    browser = phone(command.address())
    browser.wait_for(START)
    command.interrupt()

    assert command.end() == (130, {})
    assert "Traceback" not in command.shown
    browser.wait_for(f"{STATE} === 'failed'")
