"""What the page is asked to do, and the files that it needs for it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ca_deploy.bench.devices.inputs import timing_images
from ca_deploy.bench.interleave import Effort
from ca_deploy.errors import UserError
from ca_deploy.runtimes import Runtime, open_runtime
from ca_deploy.runtimes.batches import to_layout_of
from ca_deploy.runtimes.protocol import TensorInfo

JOB = "job.json"
MIN_SQNR_DB = 30.0  # below it something is wrong: WebGPU's float16 arithmetic stays above
_PARITY_BATCHES = 4


@dataclass(frozen=True)
class PageRuntime:
    """A runtime of the page.

    Attributes:
        name: as people call it.
        engine: the page's module for it.
        types: that the page can hand over and read at a model's interface.
    """

    name: str
    engine: str
    types: tuple[str, ...]


_LITERT = PageRuntime("LiteRT.js", "litert", ("float32", "int32", "uint8"))
_ONNX_RUNTIME = PageRuntime("ONNX Runtime Web", "onnxruntime", ("float32",))
PAGE_RUNTIMES = {".tflite": _LITERT, ".onnx": _ONNX_RUNTIME, ".ort": _ONNX_RUNTIME}
"""What runs a file, by its suffix."""


@dataclass(frozen=True)
class Job:
    """A page's work.

    Attributes:
        artifacts: the files that it runs, in its order.
        served: what the page loads for it, by name.
    """

    artifacts: tuple[Path, ...]
    served: dict[str, Path | bytes]


def make_job(files: Sequence[Path], threads: Sequence[int], effort: Effort) -> Job:
    """Open each file here, for its types and for the outputs that the phone is compared with.

    Raises:
        UserError: when a file cannot be loaded here, takes other than one image, or no page can run it.
    """
    served: dict[str, Path | bytes] = {}
    artifacts: list[dict[str, Any]] = []
    for index, file in enumerate(files):
        if why := refusal(file):
            raise UserError(f"{file}: {why}")
        runtime = open_runtime(file)
        place = f"artifacts/{index}"
        content = _content(runtime)
        served |= {f"{place}/{name}": data for name, data in content.items()} | {f"{place}/model": file}
        artifacts.append(_description(file, runtime, place))
    document = {
        "effort": asdict(effort),
        "threads": list(threads),
        "min_sqnr_db": MIN_SQNR_DB,
        "artifacts": artifacts,
    }
    return Job(tuple(files), served | {JOB: json.dumps(document).encode()})


def refusal(file: Path) -> str | None:
    """Why a page cannot run an artifact; None when it can.

    Raises:
        UserError: when it cannot be loaded here either.
    """
    runtime = open_runtime(file)
    there = PAGE_RUNTIMES[file.suffix]
    foreign = [t for t in (*runtime.inputs, *runtime.outputs) if t.dtype.name not in there.types]
    if not foreign:
        return None
    *most, last = there.types
    listed = f"{', '.join(most)} or {last}" if most else last
    types = ", ".join(sorted({t.dtype.name for t in foreign}))
    return f"{there.name} takes {listed} at a model's interface, not {types}"


def _content(runtime: Runtime) -> dict[str, bytes]:
    """Images as the artifact stores them, and the outputs that this machine computes from them."""
    (info,) = runtime.inputs
    batches = [timing_images(runtime, seed) for seed in range(_PARITY_BATCHES)]
    stored = [info.to_stored(to_layout_of(info, batch)) for batch in batches]
    outputs = [runtime.run(batch)[0] for batch in batches]
    return {
        "images": np.concatenate(stored).tobytes(),
        "reference": np.concatenate(outputs).astype(np.float32).tobytes(),
    }


def _description(file: Path, runtime: Runtime, place: str) -> dict[str, Any]:
    (info,) = runtime.inputs
    return {
        "name": file.name,
        "runtime": PAGE_RUNTIMES[file.suffix].engine,
        "place": place,
        "bytes": file.stat().st_size,
        "input": {"shape": [n or 1 for n in info.shape], "dtype": info.dtype.name},
        "output": _quantization(runtime.outputs[0]) | {"only": len(runtime.outputs) == 1},
        "batches": _PARITY_BATCHES,
    }


def _quantization(info: TensorInfo) -> dict[str, float]:
    """How to read the output's integers as real numbers; identity for real numbers."""
    if not info.quantization:
        return {"scale": 1.0, "zero_point": 0}
    (scale,), (zero_point,) = info.quantization.scales, info.quantization.zero_points
    return {"scale": scale, "zero_point": zero_point}
