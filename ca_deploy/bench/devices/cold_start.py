"""Starts one artifact in this process and prints its ColdStart as JSON.

Usage: python -m ca_deploy.bench.devices.cold_start FILE THREADS.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import asdict
from importlib import import_module
from pathlib import Path

from ca_deploy.bench.devices.inputs import timing_images
from ca_deploy.bench.devices.protocol import ColdStart
from ca_deploy.runtimes import open_runtime

_KIB = 1024
_STATUS = Path("/proc/self/status")


def cold_start(file: Path, threads: int) -> ColdStart:
    """Load an artifact, run it once, and say what that took."""
    _import_runtime(file)
    before = _peak_bytes()
    start = time.perf_counter()
    runtime = open_runtime(file, threads)
    loaded = time.perf_counter()
    run = runtime.bind(timing_images(runtime))
    bound = time.perf_counter()
    run()
    done = time.perf_counter()
    after = _peak_bytes()
    return ColdStart(
        load_ms=(loaded - start) * 1e3,
        first_ms=(done - bound) * 1e3,
        peak_bytes=None if before is None or after is None else after - before,
    )


def _import_runtime(file: Path) -> None:
    """Import the library before the clock starts, as an app has linked it."""
    import_module(f"ca_deploy.runtimes.{'onnx_runtime' if file.suffix in ('.onnx', '.ort') else 'litert'}")


def _peak_bytes() -> int | None:
    """The highest resident memory of this program so far; None where it is not told.

    Linux tells it as VmHWM of proc(5), in KiB. Not getrusage's maximum, which a program inherits from whoever
    started it.
    """
    if not _STATUS.is_file():
        return None
    lines = _STATUS.read_text().splitlines()
    (peak,) = (line for line in lines if line.startswith("VmHWM:"))
    return int(peak.split()[1]) * _KIB


if __name__ == "__main__":
    json.dump(asdict(cold_start(Path(sys.argv[1]), int(sys.argv[2]))), sys.stdout)
