"""From what a page posts to what every device gives, with the warnings that it deserves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_server import HELLO

from ca_deploy.bench.devices import ColdStart, OutputParity
from ca_deploy.bench.devices.browser import outcome
from ca_deploy.bench.devices.browser.messages import Hello, Result, read_message

FILES = (Path("first.tflite"), Path("second.onnx"))
MEASURED = {
    "artifact": 0,
    "delegate": "XNNPACK",
    "threads": 2,
    "rounds": [[1.0, 1.1, 1.2]] * 5,
    "start": {"load_ms": 20.0, "first_ms": 3.0, "memory_bytes": 0},
    "stable": True,
    "parity": {"identical": False, "max_abs": 1e-6, "sqnr_db": 120.0},
}


def result(*measured: dict[str, Any], hidden: bool = False) -> Result:
    message = {"kind": "result", "measured": list(measured), "skipped": [], "hidden": hidden}
    return Result.model_validate(message)


def test_figures_come_out_as_they_were_posted() -> None:
    onnx = {"artifact": 1, "delegate": "WebAssembly", "parity": None}

    first, second = outcome.measurements(
        "browser", FILES, Hello(**HELLO), result(MEASURED, MEASURED | onnx), cold=True
    )

    assert (first.file, first.delegate, first.threads, first.warnings) == (FILES[0], "XNNPACK", 2, ())
    assert first.runtime.startswith("LiteRT.js ")
    assert (first.wall.runs, first.wall.median, first.cpu) == (15, pytest.approx(1.1), None)
    assert first.cold == ColdStart(20.0, 3.0, None)
    assert first.parity == OutputParity(False, 1e-6, 120.0)
    np.testing.assert_array_equal(first.samples.wall[4], [1.0, 1.1, 1.2])
    assert (second.file, second.parity) == (FILES[1], None)
    assert second.runtime.startswith("ONNX Runtime Web ")


def test_what_did_not_run_is_told_with_where_and_why() -> None:
    skipped = [
        {"artifact": 1, "delegate": delegate, "threads": threads, "reason": "no memory"}
        for delegate, threads in (("XNNPACK", 2), ("WebGPU", 1))
    ]
    message = {"kind": "result", "measured": [], "skipped": skipped, "hidden": False}

    found = outcome.left_out(FILES, Result.model_validate(message))

    assert found == {FILES[1]: "on XNNPACK, 2 threads: no memory; on WebGPU, 1 thread: no memory"}


@pytest.mark.parametrize(
    ("hello", "measured", "hidden", "warning"),
    [
        ({"secure": False, "isolated": False}, {}, False, "not encrypted, so the browser allows one thread"),
        ({"isolated": False}, {}, False, "the browser did not isolate the page, so one thread only"),
        ({"relaxed_simd": False}, {}, False, "the browser has no relaxed SIMD, so LiteRT.js runs its slower"),
        ({"timer_ms": 0.1}, {}, False, "the browser's clock has steps of 0.1 ms"),
        ({}, {}, True, "the page was in the background for a while"),
        ({}, {"stable": False}, False, "did not become stable while warming up"),
        ({}, {"rounds": [[1.0, 1.0, 9.0]]}, False, "noisy: p10 to p90 span"),
        ({"cores": 1}, {}, False, "2 threads on 1 cores"),
        (
            {},
            {"parity": {"identical": False, "max_abs": 1.0, "sqnr_db": 12.0}},
            False,
            "its outputs are only 12.0 dB from this machine's",
        ),
    ],
)
def test_what_makes_figures_doubtful_is_said(
    hello: dict[str, Any], measured: dict[str, Any], hidden: bool, warning: str
) -> None:
    posted = result(MEASURED | measured, hidden=hidden)

    (one,) = outcome.measurements("browser", FILES, Hello(**HELLO | hello), posted, cold=False)

    assert [w for w in one.warnings if w.startswith(warning)] == list(one.warnings)
    assert len(one.warnings) == 1
    assert one.cold is None


def test_the_phone_is_named_with_its_browser_and_the_runtimes() -> None:
    identity = outcome.identity(Hello(**HELLO), {"LiteRT.js": "2.5.3"})

    assert (identity.model, identity.cores) == ("Phone\x1b[2J".replace("\x1b", " "), 8)
    assert identity.versions == {
        "LiteRT.js": "2.5.3",
        "browser": "Chromium 1",
        "WebGPU adapter": "none",
    }


@pytest.mark.parametrize(
    "wrong",
    [
        {"rounds": []},
        {"rounds": [[]]},
        {"rounds": [[-1.0]]},
        {"rounds": [[float("nan")]]},
        {"threads": 0},
        {"delegate": "Magic"},
        {"parity": {"identical": True, "max_abs": float("inf"), "sqnr_db": None}},
    ],
)
def test_figures_that_cannot_be_are_refused(wrong: dict[str, Any]) -> None:
    message = {"kind": "result", "measured": [MEASURED | wrong], "skipped": [], "hidden": False}

    with pytest.raises(ValueError, match="validation error"):
        read_message(json.dumps(message).encode())
