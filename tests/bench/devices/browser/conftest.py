"""A page's visitor: Chromium in a network namespace of its own, which sees this machine as a phone would."""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from chromium import Chromium
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from network import Network, private_network


@pytest.fixture(scope="session")
def network() -> Iterator[Network]:
    if not shutil.which("ip") or os.geteuid():
        pytest.fail("these tests make a network namespace: they need iproute2, and to run as root")
    with private_network() as made:
        yield made


@pytest.fixture
def phone(network: Network, tmp_path: Path) -> Iterator[Callable[..., Chromium]]:
    """Opens an address on the other side of the network, with trust in the certificate that is there now."""
    with ExitStack() as closing:

        def open_tab(address: str, *flags: str) -> Chromium:
            place = urlsplit(address)
            trust = _trust(place.hostname, place.port) if place.scheme == "https" else ()
            opened = Chromium(tmp_path / "profile", *trust, *flags, prefix=network.inside)
            closing.callback(opened.close)
            opened.open(address)
            return opened

        yield open_tab


def _trust(host: str | None, port: int | None) -> tuple[str, ...]:
    """The flag that does what a tap on the phone's warning does, for one certificate's key."""
    certificate = x509.load_pem_x509_certificate(ssl.get_server_certificate((host, port)).encode())
    key = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    pin = base64.b64encode(hashlib.sha256(key).digest()).decode()
    return (f"--ignore-certificate-errors-spki-list={pin}",)
