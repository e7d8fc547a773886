"""Devices: where artifacts are measured. Each is one file and one line in `_DEVICES`."""

from __future__ import annotations

from collections.abc import Callable

from ca_deploy.bench.devices.protocol import (
    ColdStart,
    Device,
    Identity,
    Instructions,
    Measurement,
    compare,
)
from ca_deploy.errors import UserError

__all__ = [
    "ColdStart",
    "Device",
    "Identity",
    "Instructions",
    "Measurement",
    "compare",
    "open_device",
]


def open_device(name: str) -> Device:
    """The device of a name such as `local` or `emulated:cortex-a76`.

    Raises:
        UserError: when there is no such device.
    """
    kind, _, detail = name.partition(":")
    if kind not in _DEVICES:
        raise UserError(f"--device {name} is unknown: use one of {', '.join(_DEVICES)}")
    return _DEVICES[kind](detail)


def _local(detail: str) -> Device:
    from ca_deploy.bench.devices.local import LocalDevice

    if detail:
        raise UserError(f"--device local:{detail} is unknown: this machine is just `local`")
    return LocalDevice()


def _emulated(detail: str) -> Device:
    from ca_deploy.bench.devices.emulated import EmulatedArm

    return EmulatedArm(detail)


_DEVICES: dict[str, Callable[[str], Device]] = {
    "local": _local,
    "emulated": _emulated,
}
