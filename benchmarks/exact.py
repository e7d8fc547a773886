"""Figures that do not depend on how busy the machine is: parity, delegation, ARM instructions.

They are kept by the content of the file, so that they can be taken beforehand, and the times in a quiet hour.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.environments import benchmark_cache, digest
from benchmarks.row import Row
from benchmarks.subject import Images, Subject
from ca_deploy.artifact import sha256_file, write_json
from ca_deploy.bench import toolchain
from ca_deploy.bench.devices import open_device
from ca_deploy.bench.interleave import Effort
from ca_deploy.errors import CaDeployError
from ca_deploy.metrics import Parity, parity
from ca_deploy.progress import Progress, Silent
from ca_deploy.runtimes import open_runtime
from ca_deploy.runtimes.cache import cached
from ca_deploy.runtimes.litert import LiteRT
from ca_deploy.verify.delegates import check_delegation
from ca_deploy.verify.ladder import outputs_of

RUNTIMES = (f"LiteRT {LiteRT.version}", f"ONNX Runtime {version('onnxruntime')}")
_FIGURES = "figures.json"
ARM = ("emulated:cortex-a76", "emulated:cortex-a53")


def examine(rows: Sequence[Row], progress: Progress, cores: Sequence[str] = ARM) -> None:
    """Fill in the exact figures of every file that our own runtimes run, and instructions on these cores."""
    for row in rows:
        if not row.runs_on_ours:
            continue
        row.parity = Parity(**_kept(row, "parity", _parity, progress))
        if row.file is not None and row.file.suffix == ".tflite":
            row.xnnpack = _kept(row, "xnnpack", _delegation, progress)
            for core in cores:
                _count(row, core, progress)


def parity_of(subject: Subject, logits: Images) -> Parity:
    """Against PyTorch, on the images that nobody calibrated on; what is no number counts as 0."""
    return parity(subject.reference(), np.nan_to_num(logits))


def _kept(
    row: Row,
    what: str,
    take: Callable[[Row], dict[str, Any]],
    progress: Progress,
    runtimes: Sequence[str] = RUNTIMES,
) -> dict[str, Any]:
    """A figure of a file, taken when it is first asked for, and again when what takes it has changed.

    Args:
        row: of the file.
        what: the figure's name.
        take: takes it.
        progress: shows that it is taken.
        runtimes: versions of whatever takes it.
    """
    assert row.file is not None
    name = digest(sha256_file(row.file), row.subject.folder.name, *runtimes, what)

    def fill(folder: Path) -> None:
        progress.step(f"{row.name}, {row.subject.recipe}: {what}")
        write_json(folder / _FIGURES, take(row))

    kept = cached(f"{benchmark_cache().name}/figures/{name}", fill)
    figures: dict[str, Any] = json.loads((kept / _FIGURES).read_text())
    return figures


def _parity(row: Row) -> dict[str, Any]:
    assert row.file is not None
    images = row.subject.parity()
    logits = outputs_of(open_runtime(row.file), [images], len(images), Silent())
    return asdict(parity_of(row.subject, logits))


def _delegation(row: Row) -> dict[str, Any]:
    assert row.file is not None
    found = check_delegation(row.file)
    return {
        "nodes": found.nodes,
        "delegated": found.delegated,
        "partitions": found.partitions,
        "outside": dict(Counter(node.operator for node in found.outside)),
    }


def _count(row: Row, device: str, progress: Progress) -> None:
    """Instructions on an emulated core; a file that fails there says so and hinders no other."""
    name = device.partition(":")[2]
    try:
        figures = _kept(row, name, lambda row: _instructions(row, device), progress, _emulation(device))
    except CaDeployError as error:
        row.notes.append(f"{name}: {error}")
        return
    row.instructions[name] = figures["instructions"]
    row.notes += [f"{name}: {warning}" for warning in figures["warnings"]]


def _emulation(device: str) -> list[str]:
    """What counts on an emulated core: versions, and folders whose names hold what is in them.

    Raises:
        DeviceError: when it cannot count here.
    """
    root = toolchain.core_root(device.partition(":")[2])
    folders = (toolchain.program("runner").parent, toolchain.instruction_counter().parent, root)
    versions = open_device(device).identity().versions
    return [*(f"{name} {number}" for name, number in versions.items()), *(folder.name for folder in folders)]


def _instructions(row: Row, device: str) -> dict[str, Any]:
    assert row.file is not None
    (measurement,) = open_device(device).measure([row.file], [1], Effort(), Silent())
    assert measurement.instructions is not None
    return {"instructions": measurement.instructions.total, "warnings": list(measurement.warnings)}
