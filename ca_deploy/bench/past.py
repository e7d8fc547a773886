"""Results of an earlier run, read from its file as far as comparisons need them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ValidationError

from ca_deploy.artifact import sha256_file
from ca_deploy.bench.interleave import Samples
from ca_deploy.bench.results import SCHEMA_VERSION
from ca_deploy.bench.session import DeviceSession
from ca_deploy.bench.timing import FloatArray
from ca_deploy.errors import UserError


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


class _PastArtifact(BaseModel):
    file: str
    sha256: str


class _PastDocument(BaseModel):
    schema_version: int
    artifacts: list[_PastArtifact]
    devices: list[_PastDevice]


class PastMeasurement:
    """As much of an earlier measurement as a comparison takes."""

    def __init__(self, stored: _PastMeasurement) -> None:
        self.delegate = stored.delegate
        self.instructions = stored.instructions
        self.samples = stored.samples and Samples(
            wall=_rounds(stored.samples.wall), cpu=_rounds(stored.samples.cpu)
        )


def check_baseline(against: Path) -> None:
    """Make sure that there is something to compare with, before anything is loaded.

    Raises:
        UserError: when there is nothing, or a folder of results, which does not say which of them.
    """
    if not against.exists():
        raise UserError(
            f"--against {against}: there is no such file or folder; give a model, a folder of models, or a "
            ".json file that --out left"
        )
    if against.is_dir() and any(against.glob("bench-*.json")):
        raise UserError(f"--against {against}: holds results of earlier runs; give one of its .json files")


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
        self._hashes = {one.file: one.sha256 for one in document.artifacts}

    def covers(self, devices: Sequence[str], names: Mapping[Path, str]) -> bool:
        """Whether one of these files, which have these names, was measured on one of these devices."""
        then = {self._name_then(file, name) for file, name in names.items()}
        return any(
            one.file in then
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

    def find(self, device: str, file: Path, name: str, threads: int) -> list[PastMeasurement]:
        """The measurements of a file of this name on a device, one for each delegate that ran it."""
        then = self._name_then(file, name)
        return [
            PastMeasurement(one)
            for session in self._devices
            if session.device == device
            for one in session.measurements
            if (one.file, one.threads) == (then, threads)
        ]

    def _name_then(self, file: Path, name: str) -> str | None:
        """What a file was called: as it is now, or as one with its content; None when neither was there.

        Never by a part of the name: two models of one name may have been measured beside each other.
        """
        if name in self._hashes:
            return name
        mine = sha256_file(file)
        return next((then for then, theirs in self._hashes.items() if theirs == mine), None)


def _rounds(stored: list[list[float]]) -> tuple[FloatArray, ...]:
    return tuple(np.array(one) for one in stored)


def _text(value: str | Mapping[str, str]) -> str:
    return (
        value if isinstance(value, str) else ", ".join(f"{name} {version}" for name, version in value.items())
    )
