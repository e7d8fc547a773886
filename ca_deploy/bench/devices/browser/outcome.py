"""What the page posted, as the values that every device gives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from ca_deploy.bench.devices.browser.job import MIN_SQNR_DB, PAGE_RUNTIMES
from ca_deploy.bench.devices.browser.messages import Hello, Measured, PhoneStart, Result
from ca_deploy.bench.devices.browser.runtimes import runtime_versions
from ca_deploy.bench.devices.protocol import ColdStart, Identity, Measurement, OutputParity
from ca_deploy.bench.devices.reliability import timing_warnings
from ca_deploy.bench.interleave import Samples
from ca_deploy.bench.timing import summarize

_COARSE = 0.02  # the clock's step as a share of the median


def identity(hello: Hello, versions: dict[str, str]) -> Identity:
    """Who the phone says that it is; a browser does not tell its processor."""
    return Identity(
        model=hello.model,
        processor="",
        system=hello.system,
        architecture=hello.architecture,
        cores=hello.cores,
        versions=versions | {"browser": hello.browser, "WebGPU adapter": hello.gpu or "none"},
    )


def measurements(
    device: str, files: Sequence[Path], hello: Hello, result: Result, cold: bool
) -> list[Measurement]:
    """The page's figures, each with what makes it doubtful.

    Args:
        device: its name.
        files: the artifacts, in the page's order.
        hello: what the phone said of itself.
        result: what it measured.
        cold: whether the first start was asked for.
    """
    found = []
    for one in result.measured:
        measurement = _measurement(device, files[one.artifact], one, cold)
        found.append(replace(measurement, warnings=tuple(_warnings(measurement, one, hello, result))))
    return found


def left_out(files: Sequence[Path], result: Result) -> dict[Path, str]:
    """What did not run on the phone: where, and why."""
    reasons: dict[Path, list[str]] = {}
    for one in result.skipped:
        where = f"{one.delegate}, {one.threads} thread{'s' * (one.threads > 1)}"
        reasons.setdefault(files[one.artifact], []).append(f"on {where}: {one.reason}")
    return {file: "; ".join(mine) for file, mine in reasons.items()}


def _measurement(device: str, file: Path, one: Measured, cold: bool) -> Measurement:
    rounds = tuple(np.array(times) for times in one.rounds)
    name = PAGE_RUNTIMES[file.suffix].name
    return Measurement(
        device=device,
        file=file,
        runtime=f"{name} {runtime_versions()[name]}",
        delegate=one.delegate,
        threads=one.threads,
        wall=summarize(rounds),
        cold=_cold(one.start) if cold else None,
        samples=Samples(wall=rounds, cpu=()),  # a browser has no clock of processor time
        parity=None if one.parity is None else OutputParity(**one.parity.model_dump()),
    )


def _cold(start: PhoneStart) -> ColdStart:
    """WebAssembly's memory grows in steps: an artifact that needs none tells nothing of its size."""
    return ColdStart(start.load_ms, start.first_ms, start.memory_bytes or None)


def _warnings(measurement: Measurement, one: Measured, hello: Hello, result: Result) -> list[str]:
    assert measurement.wall
    found = []
    if not hello.secure:
        found.append("not encrypted, so the browser allows one thread and no WebGPU")
    elif not hello.isolated:
        found.append("the browser did not isolate the page, so one thread only")
    if one.delegate == "XNNPACK" and not hello.relaxed_simd:
        found.append("the browser has no relaxed SIMD, so LiteRT.js runs its slower build on one thread")
    if hello.timer_ms > _COARSE * measurement.wall.median:
        found.append(f"the browser's clock has steps of {hello.timer_ms:.3g} ms")
    if result.hidden:
        found.append("the page was in the background for a while")
    found += timing_warnings(measurement.wall, one.stable, one.threads, hello.cores)
    if one.parity and one.parity.sqnr_db is not None and one.parity.sqnr_db < MIN_SQNR_DB:
        found.append(f"its outputs are only {one.parity.sqnr_db:.1f} dB from this machine's")
    return found
