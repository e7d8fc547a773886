"""What XNNPACK's weight cache file gives: time to load, memory and time to run, with and without it.

XNNPACK packs weights for its kernels when a file is loaded. A cache file keeps the packed ones, which are
mapped into memory instead of being packed again; apps ask for it in LiteRT's CPU options.
`python -m benchmarks.weight_cache FILE.tflite CACHE` loads a file once, `none` for no cache.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Annotated

import numpy as np
import typer

from benchmarks.page import table

_LOADS = 15
_RUNS = 50
_NONE = "none"


@dataclass(frozen=True)
class Load:
    """One file in a process of its own.

    Attributes:
        load_ms: processor time until it is ready to run.
        first_ms: of the first inference.
        run_ms: of one inference, median.
        private_mb: memory that only this process has (anonymous pages), above that before loading.
        mapped_mb: pages of files, which processes share and the system may drop, likewise.
    """

    load_ms: float
    first_ms: float
    run_ms: float
    private_mb: float
    mapped_mb: float


def command(
    files: Annotated[list[Path], typer.Argument(help=".tflite files.")],
) -> None:
    """Time and memory of loading a file without a weight cache, while it is written, and from it."""
    rows = []
    for file in files:
        with tempfile.TemporaryDirectory() as folder:
            caches = [Path(folder) / f"{number}.cache" for number in range(_LOADS)]
            ways: dict[str, list[Load]] = {"without": [], "written": [], "read": []}
            for cache in caches:  # the ways take turns
                ways["without"].append(_loaded(file, _NONE))
                ways["written"].append(_loaded(file, str(cache)))
                ways["read"].append(_loaded(file, str(cache)))
            size = caches[0].stat().st_size / 1e6
        rows += [[file.name, way, *_medians(loads), f"{size:.1f}"] for way, loads in ways.items()]
    print(table(("file", "cache", *Load.__annotations__, "cache MB"), rows))


def _medians(loads: Sequence[Load]) -> list[str]:
    return [f"{median(asdict(load)[name] for load in loads):.2f}" for name in Load.__annotations__]


def _loaded(file: Path, cache: str) -> Load:
    command = [sys.executable, "-m", "benchmarks.weight_cache", str(file), cache]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return Load(**json.loads(done.stdout))


def _load(file: str, cache: str) -> Load:
    from ai_edge_litert.compiled_model import CompiledModel
    from ai_edge_litert.cpu_options import CpuOptions
    from ai_edge_litert.environment import Environment
    from ai_edge_litert.options import Options

    environment = Environment.create()
    options = CpuOptions(num_threads=1, xnnpack_weight_cache_path="" if cache == _NONE else cache)
    before, start = _memory(), time.process_time()
    model = CompiledModel.from_file(file, environment=environment, options=Options(cpu_options=options))
    ready = time.process_time()
    inputs, outputs = model.create_input_buffers(0), model.create_output_buffers(0)
    (taken,) = model.get_input_tensor_details(next(iter(model.get_signature_list()))).values()
    inputs[0].write(np.zeros(taken["shape"], taken["dtype"]))
    runs = []
    for _ in range(_RUNS):
        begun = time.process_time()
        model.run_by_index(0, inputs, outputs)
        runs.append(1e3 * (time.process_time() - begun))
    private, mapped = (after - then for after, then in zip(_memory(), before, strict=True))
    return Load(1e3 * (ready - start), runs[0], median(runs), private, mapped)


def _memory() -> tuple[float, float]:
    """Megabytes of anonymous pages and of files' pages (proc(5), /proc/PID/status)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    sizes = {
        name: value.split()[0] for name, _, value in (line.partition(":") for line in lines) if value.strip()
    }
    return int(sizes["RssAnon"]) / 1e3, int(sizes["RssFile"]) / 1e3


if __name__ == "__main__":
    print(json.dumps(asdict(_load(*sys.argv[1:]))))
