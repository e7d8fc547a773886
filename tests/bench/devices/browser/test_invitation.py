"""What the user sees before there is a phone."""

from __future__ import annotations

import sys

import pytest
import segno

from ca_deploy.bench.devices.browser.certificate import make_certificate
from ca_deploy.bench.devices.browser.invitation import invite, qr_code
from ca_deploy.errors import DeviceError

ADDRESS = "https://192.168.178.20:43210/0123456789abcdefghijkl/"


def test_the_address_is_shown_as_text_and_as_a_code_with_what_to_know(
    capsys: pytest.CaptureFixture[str],
) -> None:
    invite(ADDRESS, ["Its fingerprint:", "AB:CD"])

    out, shown = capsys.readouterr()
    assert out == ""
    assert shown.splitlines()[-4:] == [ADDRESS, "Its fingerprint:", "AB:CD", ""]
    assert qr_code(ADDRESS, coloured=False) in shown


def test_the_code_holds_the_address_light_parts_drawn() -> None:
    rows = qr_code(ADDRESS, coloured=False).splitlines()

    upper = {" ": (1, 1), "\u2580": (0, 1), "\u2584": (1, 0), "\u2588": (0, 0)}  # dark is 1
    drawn = [[upper[c][half] for c in row] for row in rows for half in (0, 1)]
    wanted = [
        list(map(int, row)) for row in segno.make(ADDRESS, error="l", micro=False).matrix_iter(border=2)
    ]
    assert drawn[: len(wanted)] == wanted
    assert max(map(len, rows)) <= 80


def test_on_a_terminal_it_is_white_on_black_whatever_the_theme() -> None:
    plain, coloured = (qr_code(ADDRESS, coloured=c).splitlines() for c in (False, True))

    assert coloured == [f"\x1b[97;40m{row}\x1b[0m" for row in plain]


@pytest.mark.parametrize(
    ("package", "use"),
    [("segno", lambda: qr_code(ADDRESS, coloured=False)), ("cryptography", lambda: make_certificate("::1"))],
)
def test_a_missing_package_is_named_with_the_command_that_brings_it(
    package: str, use, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)

    with pytest.raises(
        DeviceError, match=rf"needs the package {package}: run `pip install 'ca-deploy\[browser\]'`"
    ):
        use()
