"""The results of a run as one JSON file (see `results.schema.json`), and earlier ones read back."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import BaseModel, ValidationError

from ca_deploy import __version__
from ca_deploy.artifact import PRODUCER, sha256_file
from ca_deploy.bench.interleave import Effort, Samples
from ca_deploy.bench.session import DeviceSession
from ca_deploy.bench.timing import FloatArray
from ca_deploy.errors import UserError

if TYPE_CHECKING:
    from ca_deploy.bench.comparison import Comparison

SCHEMA_VERSION = 1
SCHEMA = Path(__file__).parent / "results.schema.json"
_DECIMALS = 4  # of milliseconds: a tenth of a microsecond, below what clocks tell apart


def results_document(
    sessions: Sequence[DeviceSession],
    comparisons: Sequence[Comparison],
    names: Mapping[Path, str],
    effort: Effort,
) -> dict[str, Any]:
    """Everything that a run measured, for JSON.

    Args:
        sessions: one for each device.
        comparisons: with the baseline.
        names: what each artifact is called, baselines included.
        effort: how much was measured.
    """
    return {
        "producer": f"{PRODUCER} {__version__}",
        "schema_version": SCHEMA_VERSION,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "effort": asdict(effort),
        "artifacts": [_artifact(path, name) for path, name in names.items()],
        "devices": [_device(session, names) for session in sessions],
        "comparisons": [asdict(one) | {"file": names[one.file]} for one in comparisons],
    }


def check_folder(folder: Path) -> None:
    """Find out before measuring whether `save` will be able to write.

    Raises:
        UserError: when it will not.
    """
    existing = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK):
        raise UserError(f"--out {folder}: cannot be written: {existing} is no folder that may be written")


def save(document: Mapping[str, Any], folder: Path) -> Path:
    """Add a run's results to a folder, under a name that sorts by time; gives the file.

    Raises:
        UserError: when the folder cannot be written.
    """
    moment = datetime.fromisoformat(document["created"]).strftime("%Y%m%dT%H%M%SZ")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        others = sum(1 for _ in folder.glob(f"bench-{moment}*.json"))
        path = folder / f"bench-{moment}{f'_{others + 1}' if others else ''}.json"
        unfinished = path.with_suffix(".unfinished")
        unfinished.write_text(json.dumps(document, ensure_ascii=False, allow_nan=False) + "\n", "utf-8")
        unfinished.rename(path)
    except OSError as error:
        raise UserError(f"--out {folder}: cannot be written: {error.strerror}") from error
    return path


class _PastSamples(BaseModel):
    wall: list[list[float]]
    cpu: list[list[float]]


class _PastInstructions(BaseModel):
    total: int


class _PastMeasurement(BaseModel):
    file: str
    delegate: str
    threads: int
    samples: _PastSamples | None
    instructions: _PastInstructions | None


class _PastIdentity(BaseModel):
    model: str
    processor: str
    system: str
    versions: dict[str, str]


class _PastDevice(BaseModel):
    device: str
    identity: _PastIdentity | None
    measurements: list[_PastMeasurement]


class _PastDocument(BaseModel):
    schema_version: int
    devices: list[_PastDevice]


class PastMeasurement:
    """As much of an earlier measurement as a comparison takes."""

    def __init__(self, stored: _PastMeasurement) -> None:
        self.delegate = stored.delegate
        self.instructions = stored.instructions
        self.samples = stored.samples and Samples(
            wall=_rounds(stored.samples.wall), cpu=_rounds(stored.samples.cpu)
        )


class PastResults:
    """An earlier run's results, read from its file.

    Raises:
        UserError: when the file is none, or of another version.
    """

    def __init__(self, path: Path) -> None:
        self.name = path.name
        try:
            document = _PastDocument.model_validate_json(path.read_bytes())
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(map(str, first["loc"])) or "the file"
            raise UserError(
                f"--against {path}: not results of ca-deploy bench: {place}: {first['msg']}"
            ) from error
        if document.schema_version != SCHEMA_VERSION:
            raise UserError(
                f"--against {path}: has schema_version {document.schema_version}, this ca-deploy reads "
                f"{SCHEMA_VERSION}; measure the baseline again"
            )
        self._devices = document.devices

    def covers(self, devices: Sequence[str], files: Sequence[Path]) -> bool:
        """Whether one of these files was measured on one of these devices."""
        names = {file.name for file in files}
        return any(
            Path(one.file).name in names
            for session in self._devices
            if session.device in devices
            for one in session.measurements
        )

    def changes(self, session: DeviceSession) -> list[str]:
        """What is not as it was when a device was measured before, which ratios then hold too."""
        before = next((one.identity for one in self._devices if one.device == session.device), None)
        if before is None or session.identity is None:
            return []
        now = asdict(session.identity)
        return [
            f"{session.device}: {name} was {_text(value)} in {self.name}, it is {_text(now[name])}"
            for name, value in before.model_dump().items()
            if now[name] != value
        ]

    def find(self, device: str, file: str, threads: int) -> list[PastMeasurement]:
        """The measurements of a file of this name on a device, one for each delegate that ran it."""
        return [
            PastMeasurement(one)
            for session in self._devices
            if session.device == device
            for one in session.measurements
            if Path(one.file).name == file and one.threads == threads
        ]


def _artifact(path: Path, name: str) -> dict[str, Any]:
    return {"file": name, "bytes": path.stat().st_size, "sha256": sha256_file(path)}


def _device(session: DeviceSession, names: Mapping[Path, str]) -> dict[str, Any]:
    return {
        "device": session.device,
        "identity": session.identity and asdict(session.identity),
        "error": session.error,
        "skipped": [{"file": names[file], "reason": why} for file, why in session.skipped.items()],
        "measurements": [
            one.document() | {"file": names[one.file], "samples": _samples(one.samples)}
            for one in session.measurements
        ],
    }


def _samples(samples: Samples | None) -> dict[str, list[list[float]]] | None:
    if samples is None:
        return None
    return {
        kind: [[round(float(v), _DECIMALS) for v in one] for one in rounds]
        for kind, rounds in (("wall", samples.wall), ("cpu", samples.cpu))
    }


def _rounds(stored: list[list[float]]) -> tuple[FloatArray, ...]:
    return tuple(np.array(one) for one in stored)


def _text(value: str | Mapping[str, str]) -> str:
    return (
        value if isinstance(value, str) else ", ".join(f"{name} {version}" for name, version in value.items())
    )
