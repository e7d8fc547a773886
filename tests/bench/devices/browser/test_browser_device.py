"""The whole way: the command, its page in Chromium across a network, the result. Needs Debian's chromium."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import onnx
import pytest
from chromium import Chromium
from command import Command
from jsonschema import Draft202012Validator
from network import Network
from onnx import helper

from ca_deploy.bench.devices import OutputParity
from ca_deploy.bench.results import SCHEMA
from ca_deploy.bench.timing import summarize
from ca_deploy.quantization.app_interface import with_app_interface
from ca_deploy.runtimes import Quantization
from ca_deploy.verify.tflite_graph import TFLiteGraph

pytestmark = pytest.mark.devices

STATE = "document.querySelector('#status')?.dataset.state"
TAP = "document.querySelector('#start').click()"
START = "document.querySelector('#start')?.hidden === false"
# Both are the file that is served; of one, half is missing.
MEASURE_ONE_THAT_IS_BROKEN = """(async () => {
  const { measureTogether } = await import('./session.js');
  const job = await (await fetch('job.json')).json();
  const [artifact] = job.artifacts;
  const get = async (name) => (await fetch(`${artifact.place}/${name}`)).arrayBuffer();
  const [model, images, reference] = await Promise.all(['model', 'images', 'reference'].map(get));
  const candidate = { artifact, delegate: 'XNNPACK', threads: 1, images, reference };
  const candidates = [
    { ...candidate, name: 'broken', model: model.slice(0, model.byteLength / 2) },
    { ...candidate, name: 'whole', model },
  ];
  const skipped = [];
  const quiet = () => {};
  const watch = { prepare: quiet, ready: quiet, warm: quiet, times: quiet, round: quiet,
    skip: ({ name }, reason) => skipped.push({ name, reason }) };
  const effort = { runs: 8, rounds: 2, seconds: 0, warm_up_seconds: 0.1 };
  const measured = await measureTogether(candidates, effort, watch);
  return { skipped, measured: measured.map(({ candidate: { name }, rounds }) => (
    { name, rounds: rounds.map((times) => times.length) })) };
})()"""
# WebGPU on the processor, through a Vulkan that is all software.
SOFTWARE_GPU = ("--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader", "--enable-features=Vulkan")
AGENTS = {
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/18.5 Mobile/15E148 Safari/604.1": {
        "browser": "Safari 18.5",
        "model": "iPhone",
        "system": "iOS 18.5",
    },
    "Mozilla/5.0 (Android 16; Mobile; rv:153.0) Gecko/153.0 Firefox/153.0": {
        "browser": "Firefox 153.0",
        "model": "unknown",
        "system": "Android 16",
    },
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 "
    "Mobile Safari/537.36": {
        "browser": "Chrome 156.0.0.0",
        "model": "unknown",
        "system": "Android 10",
    },
    "Mozilla/5.0 (Linux; Android 14; SM-S918B) AppleWebKit/537.36 (KHTML, like Gecko) "
    "SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36": {
        "browser": "Samsung Internet 28.0",
        "model": "SM-S918B",
        "system": "Android 14",
    },
}
SHAPE = (1, 16, 16, 3)


Run = Callable[..., Command]
Phone = Callable[..., Chromium]


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
    """A folder with float32, uint8 and int8 at the interface, an ONNX file, and one of those for apps."""
    folder = tmp_path / "models"
    folder.mkdir()
    (folder / "app.tflite").write_bytes(for_apps())
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


def for_apps() -> bytes:
    """Mean of each colour in int8, as `model_uint8.tflite` has it: pixels in, scores behind SOFTMAX out."""
    graph = TFLiteGraph()
    image = graph.tensor(SHAPE, "int8", quantization=Quantization((0.02,), (0,)))
    logits = graph.tensor((1, 3), "int8", quantization=Quantization((0.02,), (0,)))
    axes = graph.tensor((2,), "int32", value=np.array([1, 2]))
    graph.node("MEAN", [image, axes], [logits], "Reducer")
    return with_app_interface(graph.to_bytes([image], [logits]), (0.5,) * 3, (0.25, 0.3, 0.35), "uint8")


def measured(browser: Chromium, command: Command) -> tuple[int, dict[str, Any]]:
    """Tap the button, wait for the page's end and the command's."""
    browser.evaluate(TAP)
    browser.wait_for(f"{STATE} === 'finished'")
    return command.end()


def test_a_phone_measures_checks_and_posts_back(
    run: Run, phone: Phone, network: Network, models: Path
) -> None:
    command = run(str(models), "--device", f"browser:{network.address}", "--threads", "1,2")
    browser = phone(command.address())
    browser.wait_for(START)
    assert browser.evaluate("[isSecureContext, crossOriginIsolated]") == [True, True]

    status, document = measured(browser, command)

    assert status == 0, command.shown
    Draft202012Validator(json.loads(SCHEMA.read_text())).validate(document)
    (device,) = document["devices"]
    ran = [(m["file"], m["delegate"], m["threads"]) for m in device["measurements"]]
    assert ran == [
        (file, delegate, threads)
        for threads in (1, 2)
        for file, delegate in (
            ("app.tflite", "XNNPACK"),
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
    assert [line for line in browser.console if "Content Security Policy" in line] == []
    identity = device["identity"]
    assert identity["versions"]["browser"].startswith("Chrom")
    assert {"LiteRT.js", "ONNX Runtime Web", "WebGPU adapter"} < set(identity["versions"])


def test_threads_that_a_browser_does_not_allow_litert_are_told(
    run: Run, phone: Phone, network: Network, models: Path
) -> None:
    files = (str(models / name) for name in ("float32.tflite", "model.onnx"))
    command = run(*files, "--device", f"browser:{network.address}", "--threads", "2")
    address = command.address()
    browser = phone(address)
    browser.wait_for(START)
    browser.call("Page.addScriptToEvaluateOnNewDocument", source="WebAssembly.validate = () => false")
    browser.open("about:blank")
    browser.open(address)
    browser.wait_for(START)

    status, document = measured(browser, command)

    assert status == 0, command.shown
    (device,) = document["devices"]
    assert [(one["file"], one["threads"]) for one in device["measurements"]] == [("model.onnx", 2)]
    reason = "the browser has no relaxed SIMD, which LiteRT.js needs for threads"
    assert device["skipped"] == [{"file": "float32.tflite", "reason": f"on XNNPACK, 2 threads: {reason}"}]


def test_webgpu_comes_last_where_there_is_any(run: Run, phone: Phone, network: Network, models: Path) -> None:
    command = run(str(models / "float32.tflite"), "--device", f"browser:{network.address}")
    browser = phone(command.address(), *SOFTWARE_GPU)
    browser.wait_for(START)

    status, document = measured(browser, command)

    assert status == 0, command.shown
    (device,) = document["devices"]
    assert "swiftshader" in device["identity"]["versions"]["WebGPU adapter"]
    assert [(m["delegate"], m["threads"]) for m in device["measurements"]] == [("XNNPACK", 1), ("WebGPU", 1)]
    assert device["measurements"][1]["parity"]["max_abs"] < 1e-5


def test_the_page_computes_what_the_package_computes(
    run: Run, phone: Phone, network: Network, models: Path
) -> None:
    command = run(str(models / "float32.tflite"), "--device", f"browser:{network.address}")
    browser = phone(command.address())
    browser.wait_for(START)
    rng = np.random.default_rng(0)
    here = rng.normal(size=(2, 50)).astype(np.float32)
    there = (here + 0.01 * rng.normal(size=here.shape)).astype(np.float32)
    times = rng.gamma(5, size=(1, 37))

    rows = ", ".join(f"new Float32Array({row.tolist()})" for row in there)
    parity = browser.evaluate(
        f"import('./parity.js').then((m) => m.compare(new Float32Array({here.ravel().tolist()}), [{rows}]))"
    )
    shown = browser.evaluate(f"import('./plot.js').then((m) => m.summary({times[0].tolist()}))")

    expected, timing = OutputParity.between(here, there), summarize(times)
    assert parity["identical"] is expected.identical is False
    assert parity["max_abs"] == pytest.approx(expected.max_abs)
    assert parity["sqnr_db"] == pytest.approx(expected.sqnr_db)
    for agent, said in AGENTS.items():
        assert browser.evaluate(f"import('./facts.js').then((m) => m.fromUserAgent({agent!r}))") == said
    for figure in ("runs", "median", "p10", "p90"):
        assert shown[figure] == pytest.approx(getattr(timing, figure))


def test_an_artifact_that_fails_on_the_phone_is_left_out_and_the_others_are_measured(
    run: Run, phone: Phone, network: Network, models: Path
) -> None:
    command = run(str(models / "float32.tflite"), "--device", f"browser:{network.address}")
    browser = phone(command.address())
    browser.wait_for(START)

    found = browser.evaluate(MEASURE_ONE_THAT_IS_BROKEN)

    assert [(one["name"], one["rounds"]) for one in found["measured"]] == [("whole", [4, 4])]
    assert [one["name"] for one in found["skipped"]] == ["broken"]
    assert found["skipped"][0]["reason"]


def test_over_a_cable_the_page_is_the_phone_s_own_and_therefore_secure(
    run: Run, models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No phone is here: a stand-in for adb writes down what it is asked, and the tab is on this machine."""
    asked = tmp_path / "asked"
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "adb").write_text(
        '#!/bin/sh\n[ "$1" != devices ] || printf "List of devices attached\\nR5CT device\\n"\n'
        f'echo "$*" >> {asked}\n'
    )
    (tmp_path / "bin" / "adb").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=os.pathsep)
    command = run(str(models / "float32.tflite"), "--device", "browser:adb", "--threads", "1,2")
    address = command.address()
    browser = Chromium(tmp_path / "profile")
    try:
        browser.open(address)
        browser.wait_for(START)
        assert browser.evaluate("[isSecureContext, crossOriginIsolated]") == [True, True]
        browser.evaluate(TAP)
        status, document = command.end()
    finally:
        browser.close()

    assert status == 0, command.shown
    assert [m["threads"] for m in document["devices"][0]["measurements"]] == [1, 2]
    port = urlsplit(address).port
    assert address.startswith(f"http://localhost:{port}/")
    assert asked.read_text().splitlines() == [
        "devices",
        f"-s R5CT reverse tcp:{port} tcp:{port}",
        f"-s R5CT shell am start -a android.intent.action.VIEW -d {address}",
        f"-s R5CT reverse --remove tcp:{port}",
    ]


def test_without_encryption_one_thread_is_measured_and_the_result_says_so(
    run: Run, phone: Phone, network: Network, models: Path
) -> None:
    file = str(models / "float32.tflite")
    command = run(file, "--device", f"browser:{network.address}", "--insecure", "--threads", "1,2")
    browser = phone(command.address())
    browser.wait_for(START)
    assert browser.evaluate("[isSecureContext, crossOriginIsolated]") == [False, False]
    assert "not encrypted" in browser.evaluate("document.querySelector('#notices').innerText")

    status, document = measured(browser, command)

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
    browser.evaluate(TAP)
    browser.wait_for(f"{STATE} === 'running'")
    browser.open("about:blank")

    status, document = command.end()

    assert status == 4
    assert (
        document["devices"][0]["error"]
        == f"browser:{network.address}: the page was closed before it was done"
    )


def test_ctrl_c_ends_the_run_and_the_page_says_so(
    run: Run, phone: Phone, network: Network, models: Path
) -> None:
    command = run(str(models / "float32.tflite"), "--device", f"browser:{network.address}")
    browser = phone(command.address())
    browser.wait_for(START)
    command.interrupt()

    assert command.end() == (130, {})
    assert "Traceback" not in command.shown
    browser.evaluate(TAP)
    browser.wait_for(f"{STATE} === 'failed'")
