"""What stands behind `browser:`."""

from __future__ import annotations

import pytest

from ca_deploy.bench.devices import open_device
from ca_deploy.bench.devices.browser.place import Place, parse_place
from ca_deploy.errors import UserError


@pytest.mark.parametrize(
    ("detail", "place"),
    [
        ("", Place("", 0, encrypted=True)),
        ("10.0.0.5", Place("10.0.0.5", 0, encrypted=True)),
        ("10.0.0.5:8443", Place("10.0.0.5", 8443, encrypted=True)),
        ("adb", Place("127.0.0.1", 0, encrypted=False, adb=True)),
        ("adb:R5CT", Place("127.0.0.1", 0, encrypted=False, adb=True, serial="R5CT")),
        ("adb:10.0.0.9:5555", Place("127.0.0.1", 0, encrypted=False, adb=True, serial="10.0.0.9:5555")),
    ],
)
def test_a_place_is_read(detail: str, place: Place) -> None:
    assert parse_place(detail, insecure=False) == place


def test_an_insecure_place_is_not_encrypted() -> None:
    assert parse_place("10.0.0.5:8080", insecure=True) == Place("10.0.0.5", 8080, encrypted=False)


def test_an_address_that_no_phone_can_open_is_refused() -> None:
    with pytest.raises(UserError, match=r"browser:0\.0\.0\.0:8080: 0\.0\.0\.0 is no address that a phone"):
        parse_place("0.0.0.0:8080", insecure=False)


@pytest.mark.parametrize("port", ["0", "65536", "-1", "http", "1:2"])
def test_what_is_no_port_is_refused(port: str) -> None:
    with pytest.raises(UserError, match=r"is no port; use browser:HOST:PORT"):
        open_device(f"browser:10.0.0.5:{port}")
