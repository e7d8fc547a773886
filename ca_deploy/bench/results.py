"""The results of a run as one JSON document, which `results.schema.json` describes."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ca_deploy import __version__
from ca_deploy.artifact import PRODUCER, sha256_file
from ca_deploy.bench.interleave import Effort, Samples
from ca_deploy.bench.session import DeviceSession
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


def save(document: Mapping[str, Any], folder: Path, before: Path | None = None) -> Path:
    """Add a run's results to a folder, under a name that sorts by time; gives the file.

    Args:
        document: the results so far.
        folder: where to.
        before: the file that holds the same run's results up to an earlier device, which this replaces.

    Raises:
        UserError: when the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path = before or _new_file(folder, document["created"])
        unfinished = path.with_suffix(".unfinished")
        unfinished.write_text(json.dumps(document, ensure_ascii=False, allow_nan=False) + "\n", "utf-8")
        unfinished.rename(path)
    except OSError as error:
        raise UserError(f"--out {folder}: cannot be written: {error.strerror}") from error
    return path


def _new_file(folder: Path, created: str) -> Path:
    moment = datetime.fromisoformat(created).strftime("%Y%m%dT%H%M%SZ")
    others = sum(1 for _ in folder.glob(f"bench-{moment}*.json"))
    return folder / f"bench-{moment}{f'_{others + 1}' if others else ''}.json"


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
