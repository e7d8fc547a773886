"""Options of devices that no device of a run would read."""

from __future__ import annotations

from collections.abc import Sequence

from ca_deploy.bench.devices.protocol import DeviceOptions
from ca_deploy.errors import UserError

_READ_BY: dict[str, tuple[str, tuple[str, ...]]] = {
    "--benchmark-binary": ("benchmark_binary", ("adb",)),
    "--insecure": ("insecure", ("browser",)),
    "--cool-down": ("cool_down_seconds", ("ssh", "adb")),
    "--timeout": ("timeout_seconds", ("ssh", "adb")),
}
"""Option -> attribute of `DeviceOptions`, and the kinds of devices that read it."""


def check_options(devices: Sequence[str], options: DeviceOptions) -> None:
    """Make sure that each option that was given is one of some device.

    Args:
        devices: names such as `local` or `adb:SERIAL`.
        options: the others are at their defaults.

    Raises:
        UserError: when none of the devices reads it.
    """
    kinds = {name.partition(":")[0] for name in devices}
    for option, (attribute, readers) in _READ_BY.items():
        given = getattr(options, attribute) != getattr(DeviceOptions(), attribute)
        if given and not kinds & set(readers):
            raise UserError(
                f"{option}: is for --device {' and '.join(readers)}, which is not measured on; leave it out"
            )
