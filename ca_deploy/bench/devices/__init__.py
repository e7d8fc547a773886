"""Devices: where artifacts are measured. Each is one file and one line in `_DEVICES`."""

from __future__ import annotations

from collections.abc import Callable

from ca_deploy.bench.devices.option_checks import check_options
from ca_deploy.bench.devices.protocol import (
    ColdStart,
    Conditions,
    Device,
    DeviceOptions,
    Identity,
    Instructions,
    Measurement,
    OutputParity,
    Selective,
    Surprising,
    compare,
    compared_quantity,
)
from ca_deploy.errors import UserError

__all__ = [
    "ColdStart",
    "Conditions",
    "Device",
    "DeviceOptions",
    "Identity",
    "Instructions",
    "Measurement",
    "OutputParity",
    "Selective",
    "Surprising",
    "check_options",
    "compare",
    "compared_quantity",
    "open_device",
]


def open_device(name: str, options: DeviceOptions | None = None) -> Device:
    """The device of a name such as `local` or `emulated:cortex-a76`; nothing is connected yet.

    Raises:
        UserError: when there is no such device.
    """
    kind, _, detail = name.partition(":")
    if kind not in _DEVICES:
        raise UserError(f"--device {name} is unknown: use one of {', '.join(_DEVICES)}")
    return _DEVICES[kind](detail, options or DeviceOptions())


def _local(detail: str, _: DeviceOptions) -> Device:
    from ca_deploy.bench.devices.local import LocalDevice

    if detail:
        raise UserError(f"--device local:{detail} is unknown: this machine is just `local`")
    return LocalDevice()


def _emulated(detail: str, _: DeviceOptions) -> Device:
    from ca_deploy.bench.devices.emulated import EmulatedArm

    return EmulatedArm(detail)


def _browser(detail: str, options: DeviceOptions) -> Device:
    from ca_deploy.bench.devices.browser.device import BrowserDevice

    return BrowserDevice(detail, insecure=options.insecure)


def _ssh(detail: str, options: DeviceOptions) -> Device:
    from ca_deploy.bench.devices.ssh import open_ssh

    return open_ssh(detail, options)


def _adb(detail: str, options: DeviceOptions) -> Device:
    from ca_deploy.bench.devices.adb import open_adb

    return open_adb(detail, options)


_DEVICES: dict[str, Callable[[str, DeviceOptions], Device]] = {
    "local": _local,
    "emulated": _emulated,
    "browser": _browser,
    "ssh": _ssh,
    "adb": _adb,
}
