"""One command's measurements on one device after the other, none of which can stop the others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from ca_deploy.bench.devices import Device, Identity, Measurement, Selective, Surprising
from ca_deploy.bench.interleave import Effort
from ca_deploy.errors import DeviceError
from ca_deploy.progress import Progress


@dataclass(frozen=True)
class DeviceSession:
    """What came of one device.

    Attributes:
        device: its name.
        identity: what it is; None when it failed.
        measurements: for each number of threads, each artifact in the order given.
        skipped: artifacts that this device does not run, or not every way, each with the reason.
        error: what went wrong, one line; None when nothing did.
    """

    device: str
    identity: Identity | None = None
    measurements: tuple[Measurement, ...] = ()
    skipped: Mapping[Path, str] = field(default_factory=dict)
    error: str | None = None


def measure_on(
    devices: Sequence[Device],
    files: Sequence[Path],
    threads: Sequence[int],
    effort: Effort,
    progress: Progress,
    failing: Mapping[Path, str] = MappingProxyType({}),
) -> Iterator[DeviceSession]:
    """Measure artifacts on every device; the failure of one is noted, and the others go on.

    Args:
        devices: in the order in which they take their turn.
        files: the artifacts.
        threads: each number of threads to measure with.
        effort: how much to measure.
        progress: what to report to.
        failing: artifacts that no device is given, each with the reason.
    """
    return (_session(device, files, threads, effort, progress, failing) for device in devices)


def _session(
    device: Device,
    files: Sequence[Path],
    threads: Sequence[int],
    effort: Effort,
    progress: Progress,
    failing: Mapping[Path, str],
) -> DeviceSession:
    refused = {file: failing[file] for file in files if file in failing}
    try:
        others = [file for file in files if file not in refused]
        refused.update((file, why) for file in others if (why := _refusal(device, file)))
        fitting = [file for file in files if file not in refused]
        if not fitting:
            raise DeviceError(f"{device.name}: {'; '.join(dict.fromkeys(refused.values()))}")
        measured = tuple(device.measure(fitting, threads, effort, progress))
        refused |= device.left_out if isinstance(device, Surprising) else {}
        return DeviceSession(device.name, device.identity(), measured, refused)
    except DeviceError as error:
        reason = str(error)
    except (OSError, ValueError) as error:  # a full disk here, or something that nobody understands
        reason = f"{device.name}: {error}"
    progress.note(f"{device.name} failed")
    return DeviceSession(device.name, skipped=refused, error=reason)


def _refusal(device: Device, file: Path) -> str | None:
    """Why a device does not run a file; None when it does."""
    if file.suffix not in device.suffixes:
        return f"runs {' and '.join(device.suffixes)} files only"
    return device.refusal(file) if isinstance(device, Selective) else None
