"""The way to a phone through adb's cable: this machine's port appears on the phone as its localhost.

There the page counts as secure without a certificate, so that threads and WebGPU work.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ca_deploy.bench.devices.remote.connection import Finished, execute
from ca_deploy.errors import DeviceError

_LONGEST_SECONDS = 30


@contextmanager
def reversed_port(serial: str, port: int) -> Iterator[None]:
    """Make a port of this machine the phone's own until the block ends.

    Raises:
        DeviceError: when adb refuses.
    """
    _check("reverse", _adb(serial, "reverse", f"tcp:{port}", f"tcp:{port}"))
    try:
        yield
    finally:
        _adb(serial, "reverse", "--remove", f"tcp:{port}")


def open_page(serial: str, address: str) -> None:
    """Open an address in the phone's browser.

    Raises:
        DeviceError: when adb fails.
    """
    _check("shell", _adb(serial, "shell", "am", "start", "-a", "android.intent.action.VIEW", "-d", address))


def _adb(serial: str, *arguments: str) -> Finished:
    return execute(["adb", "-s", serial, *arguments], _LONGEST_SECONDS)


def _check(command: str, finished: Finished) -> None:
    if finished.status:
        raise DeviceError(f"adb {command} failed: {finished.last_line}")
