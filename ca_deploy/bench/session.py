"""One command's measurements on one device after the other, none of which can stop the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ca_deploy.bench.devices import Device, Identity, Measurement
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
        skipped: artifacts that this device does not run.
        error: what went wrong, one line; None when nothing did.
    """

    device: str
    identity: Identity | None = None
    measurements: tuple[Measurement, ...] = ()
    skipped: tuple[Path, ...] = ()
    error: str | None = None


def measure_on(
    devices: Sequence[Device],
    files: Sequence[Path],
    threads: Sequence[int],
    effort: Effort,
    progress: Progress,
) -> list[DeviceSession]:
    """Measure artifacts on every device; the failure of one is noted, and the others go on."""
    return [_session(device, files, threads, effort, progress) for device in devices]


def _session(
    device: Device, files: Sequence[Path], threads: Sequence[int], effort: Effort, progress: Progress
) -> DeviceSession:
    fitting = [file for file in files if file.suffix in device.suffixes]
    skipped = tuple(file for file in files if file not in fitting)
    if not fitting:
        wanted = " and ".join(device.suffixes)
        return DeviceSession(device.name, skipped=skipped, error=f"{device.name} runs {wanted} files only")
    try:
        measured = tuple(device.measure(fitting, threads, effort, progress))
        done = {one.file for one in measured}
        skipped = tuple(file for file in files if file not in done)
        return DeviceSession(device.name, device.identity(), measured, skipped)
    except DeviceError as error:
        progress.note(f"{device.name} failed")
        return DeviceSession(device.name, skipped=skipped, error=str(error))
