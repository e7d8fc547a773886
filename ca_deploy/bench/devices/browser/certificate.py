"""A TLS certificate for one run, which lives in memory and in a folder that is gone once it is loaded."""

from __future__ import annotations

import ipaddress
import ssl
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ca_deploy.errors import DeviceError

# A phone's clock may be wrong by hours; no run takes a day.
_VALID = timedelta(days=1)


@dataclass(frozen=True)
class Certificate:
    """What a server needs, and what its user compares.

    Attributes:
        context: for the server's side of TLS.
        fingerprint: SHA-256 of the certificate, as browsers show it.
    """

    context: ssl.SSLContext
    fingerprint: str


def make_certificate(host: str) -> Certificate:
    """Make a key and a certificate that it signs itself, for one IP address or name.

    Raises:
        DeviceError: when the `cryptography` package is missing.
    """
    try:
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import ec
        from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
    except ImportError as error:
        raise DeviceError(
            "--device browser needs the package cryptography: run `pip install 'ca-deploy[browser]'`"
        ) from error
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "ca-deploy, this run only")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _VALID)
        .not_valid_after(now + _VALID)
        .add_extension(x509.SubjectAlternativeName([_general_name(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return Certificate(
        context=_context(private + made.public_bytes(serialization.Encoding.PEM)),
        fingerprint=made.fingerprint(hashes.SHA256()).hex(":").upper(),
    )


def _general_name(host: str):  # type: ignore[no-untyped-def]  # its type comes from an optional package
    from cryptography import x509

    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _context(pem: bytes) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    with tempfile.TemporaryDirectory() as folder:  # the ssl module reads keys from files only
        file = Path(folder) / "run.pem"
        file.touch(mode=0o600)
        file.write_bytes(pem)
        context.load_cert_chain(file)
    return context
