"""What the user has to see to open the page: the address, as text and as a QR code.

It goes to standard error whatever the progress shows: without it nothing can be measured.
"""

from __future__ import annotations

import io
import sys

from ca_deploy.errors import DeviceError

_WHITE_ON_BLACK, _PLAIN = "\x1b[97;40m", "\x1b[0m"
_QUIET_ZONE = 2  # modules; four by the standard, and phones read two


def invite(address: str, lines: list[str]) -> None:
    """Show the address, with its QR code and what to know about it."""
    text = "\n".join(["", qr_code(address, coloured=sys.stderr.isatty()), address, *lines, ""])
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def qr_code(address: str, *, coloured: bool) -> str:
    """An address as a QR code of half-block characters, which are its light parts.

    Args:
        address: what it says.
        coloured: white on black whatever the terminal's colours; without, right on a dark terminal only.

    Raises:
        DeviceError: when the `segno` package is missing.
    """
    try:
        import segno
    except ImportError as error:
        raise DeviceError(
            "--device browser needs the package segno: run `pip install 'ca-deploy[browser]'`"
        ) from error
    drawn = io.StringIO()
    segno.make(address, error="l", micro=False).terminal(drawn, border=_QUIET_ZONE, compact=True)
    rows = drawn.getvalue().splitlines()
    return "\n".join(f"{_WHITE_ON_BLACK}{row}{_PLAIN}" for row in rows) if coloured else "\n".join(rows)
