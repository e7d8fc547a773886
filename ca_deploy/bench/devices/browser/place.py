"""Where the page is served.

`browser[:HOST[:PORT]]` or `browser:adb[:SERIAL]`.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass

from ca_deploy.errors import DeviceError, UserError

_LOOPBACK = "127.0.0.1"
_EVERYWHERE = ("0", "0.0.0.0")  # every address of this machine at once
# An address of the documentation's range (RFC 5737): the system picks the interface that leads to the
# outside, and sends nothing.
_OUTSIDE = ("192.0.2.1", 9)


@dataclass(frozen=True)
class Place:
    """Where a run's page is served.

    Attributes:
        host: address or name of this machine that the phone reaches; empty for `local_address`.
        port: 0 for one that is free.
        encrypted: over HTTPS.
        adb: the phone reaches it through adb's cable, as its own localhost.
        serial: which phone; empty for the only one that adb sees.
    """

    host: str
    port: int
    encrypted: bool
    adb: bool = False
    serial: str = ""


def parse_place(detail: str, insecure: bool) -> Place:
    """Read what stands behind `browser:` in a device's name.

    Args:
        detail: that.
        insecure: serve without encryption.

    Raises:
        UserError: when it cannot be understood.
    """
    kind, _, rest = detail.partition(":")
    if kind == "adb":
        return Place(_LOOPBACK, 0, encrypted=False, adb=True, serial=rest)
    host, _, port = detail.partition(":")
    if port and not (port.isascii() and port.isdigit() and 0 < int(port) < 2**16):
        raise UserError(f"--device browser:{detail}: {port!r} is no port; use browser:HOST:PORT")
    if host in _EVERYWHERE:
        raise UserError(
            f"--device browser:{detail}: {host} is no address that a phone can open; use this machine's"
        )
    return Place(host, int(port or 0), encrypted=not insecure)


def local_address() -> str:
    """This machine's IPv4 address on the network that leads to the outside.

    Raises:
        DeviceError: when it has none.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(_OUTSIDE)
        except OSError as error:
            raise DeviceError(
                "this machine is on no network: connect it, or name its address as --device browser:ADDRESS"
            ) from error
        return str(probe.getsockname()[0])
