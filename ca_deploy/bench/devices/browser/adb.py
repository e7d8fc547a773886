"""The way to a phone through adb's cable: this machine's port appears on the phone as its localhost.

There the page counts as secure without a certificate, so that threads and WebGPU work.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from ca_deploy.errors import DeviceError

_LONGEST_SECONDS = 30


@contextmanager
def reversed_port(port: int, serial: str | None) -> Iterator[None]:
    """Make a port of this machine the phone's own until the block ends.

    Raises:
        DeviceError: when adb is missing or refuses.
    """
    _adb(serial, "reverse", f"tcp:{port}", f"tcp:{port}")
    try:
        yield
    finally:
        _adb(serial, "reverse", "--remove", f"tcp:{port}", fatal=False)


def open_page(address: str, serial: str | None) -> None:
    """Open an address in the phone's browser.

    Raises:
        DeviceError: when adb fails.
    """
    _adb(serial, "shell", "am", "start", "-a", "android.intent.action.VIEW", "-d", address)


def _adb(serial: str | None, *arguments: str, fatal: bool = True) -> None:
    adb = shutil.which("adb")
    if not adb:
        raise DeviceError("adb is not installed: run `apt-get install adb`")
    chosen = ("-s", serial) if serial else ()
    try:
        done = subprocess.run(
            (adb, *chosen, *arguments), capture_output=True, text=True, check=False, timeout=_LONGEST_SECONDS
        )
    except subprocess.TimeoutExpired as error:
        raise DeviceError(f"adb {arguments[0]} did not answer within {_LONGEST_SECONDS} s") from error
    if done.returncode and fatal:
        complaint = (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
        raise DeviceError(f"adb {arguments[0]} failed: {complaint}")
