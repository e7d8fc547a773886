"""An Android phone over adb: the real client, with whatever server and keys the user has."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from ca_deploy.bench.devices.protocol import DeviceOptions
from ca_deploy.bench.devices.remote.benchmark_model import BenchmarkModel
from ca_deploy.bench.devices.remote.connection import Connection, Finished, execute
from ca_deploy.bench.devices.remote.device import RemoteDevice
from ca_deploy.errors import DeviceError, UserError

_PUSH_SECONDS = 600
_ASK_SECONDS = 60  # the first call starts adb's server

# What `adb devices` says of a phone that cannot be used, and what helps.
_STATES = {
    "unauthorized": "does not trust this machine: unlock it and allow USB debugging",
    "authorizing": "is asking whether to trust this machine: unlock it and allow USB debugging",
    "offline": "is offline: plug it in again, or run `adb reconnect offline`",
    "no permissions": "may not be opened: udev rules for it are missing (see `adb devices`)",
}


def open_adb(detail: str, options: DeviceOptions) -> RemoteDevice:
    """The device of `adb` or `adb:SERIAL`, whose part behind `adb:` is given.

    Raises:
        UserError: when the benchmark binary is no file.
    """
    binary = options.benchmark_binary
    if binary is not None and not binary.is_file():
        raise UserError(f"--benchmark-binary {binary}: there is no such file")
    name = f"adb:{detail}" if detail else "adb"
    meter = BenchmarkModel(binary) if binary else None
    return RemoteDevice(name, lambda: _connected(name, detail), options, meter=meter, phone=True)


def ready_phone(name: str, serial: str) -> str:
    """The serial number of the phone to use.

    Args:
        name: the device's name, for messages.
        serial: what the user chose; empty for the only phone that there is.

    Raises:
        DeviceError: when adb is not installed, or sees no such phone that can be used.
    """
    if not shutil.which("adb"):
        raise DeviceError("adb is not installed: run `apt-get install adb`, or get Android's platform tools")
    return _ready(name, serial, _devices())


@contextmanager
def _connected(name: str, serial: str) -> Iterator[Connection]:
    yield _AdbConnection(name, ready_phone(name, serial))


def _devices() -> dict[str, str]:
    """The serial numbers that adb sees, and the state of each."""
    done = execute(["adb", "devices"], _ASK_SECONDS)
    if done.status:
        raise DeviceError(f"adb: {done.last_line}")
    listed = done.output.decode(errors="replace").partition("List of devices attached")[2]
    return dict(re.findall(r"^(\S+)\s+(no permissions|\w+)", listed, re.MULTILINE))


def _ready(name: str, serial: str, devices: Mapping[str, str]) -> str:
    if not devices:
        raise DeviceError(f"{name}: adb sees no phone: connect one that has USB debugging on")
    if not serial and len(devices) > 1:
        raise DeviceError(
            f"{name}: adb sees several phones: choose one with --device adb:{next(iter(devices))}"
        )
    chosen = serial or next(iter(devices))
    if chosen not in devices:
        raise DeviceError(f"{name}: adb does not see it, only {', '.join(devices)}")
    if devices[chosen] != "device":
        raise DeviceError(f"{name}: {_STATES.get(devices[chosen], f'is in the state {devices[chosen]}')}")
    return chosen


class _AdbConnection:
    def __init__(self, name: str, serial: str) -> None:
        self.name = name
        self._client = ["adb", "-s", serial]

    def shell(self, script: str) -> list[str]:
        """See `Connection.shell`."""
        return [*self._client, "shell", "-T", script]

    def push(self, files: Mapping[str, Path], folder: str) -> Finished:
        """Copy by `adb push`, which takes the names of the files that it is given."""
        with tempfile.TemporaryDirectory() as scratch:
            named = [Path(scratch) / name for name in files]
            for link, file in zip(named, files.values(), strict=True):
                link.symlink_to(file.resolve())
            done = execute([*self._client, "push", *map(str, named), f"{folder}/"], _PUSH_SECONDS)
        errors = re.findall(r"^adb: error: (.+)$", done.output.decode(errors="replace"), re.MULTILINE)
        return replace(done, complaint="\n".join([done.complaint, *errors]))

    def explain(self, finished: Finished) -> str | None:
        """See `Connection.explain`; adb has no exit status for it, but knows whether the phone is there."""
        state = execute([*self._client, "get-state"], _ASK_SECONDS)
        if state.output.strip() == b"device":
            return None
        return f"was unplugged or went away ({state.last_line.removeprefix('error: ')})"
