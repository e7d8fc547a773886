"""Which phone is chosen, and what is said of one that cannot be used; needs no adb."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ca_deploy.bench.devices.adb import _devices, _ready
from ca_deploy.errors import DeviceError


@pytest.mark.parametrize(
    ("serial", "devices", "message"),
    [
        ("", {}, "adb sees no phone"),
        ("A1", {"A1": "unauthorized"}, "does not trust this machine: unlock it"),
        ("A1", {"A1": "offline"}, "is offline: plug it in again"),
        ("A1", {"A1": "no permissions"}, "udev rules"),
        ("A1", {"A1": "recovery"}, "is in the state recovery"),
        ("A1", {"B2": "device"}, "adb does not see it, only B2"),
        ("", {"A1": "device", "B2": "device"}, "several phones: choose one with --device adb:A1"),
    ],
)
def test_a_phone_that_cannot_be_used(serial: str, devices: dict[str, str], message: str) -> None:
    with pytest.raises(DeviceError, match=message):
        _ready("adb", serial, devices)


def test_what_adb_says_of_its_server_is_no_phone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    phones = "A1\\tdevice\\nB2\\tno permissions (udev)\\n"
    said = f"* daemon started successfully\\nList of devices attached\\n{phones}\\n"
    (tmp_path / "adb").write_text(f"#!/bin/sh\nprintf '{said}'\n")
    (tmp_path / "adb").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)

    assert _devices() == {"A1": "device", "B2": "no permissions"}


def test_the_one_that_is_named_or_the_only_one_is_chosen() -> None:
    assert _ready("adb:B2", "B2", {"A1": "device", "B2": "device"}) == "B2"
    assert _ready("adb", "", {"A1": "device"}) == "A1"
