"""The server's own certificate for the local network: made once, kept for its owner alone, limited to its addresses.

Browsers give motion data to secure pages only, and no authority signs for an address such as 192.168.1.5, so that the
certificate signs itself. It may be installed on a phone as an authority: a critical extension names the only addresses
that it is valid for.
"""

from __future__ import annotations

import datetime
import ipaddress
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from otolith.errors import DataError, StorageError
from otolith.system.files import make_place, write
from otolith.system.reading import MOST_TEXT, read_bytes

DAYS = 397
"""Longest validity that phones accept."""
RENEW_DAYS = 7
_FILE = "certificate.pem"


@dataclass(frozen=True)
class Certificate:
    """A file with key and certificate, and the certificate alone for others to read."""

    path: Path
    public: bytes
    fingerprint: str


def folder() -> Path:
    """Return the folder of the key: $OTOLITH_HOME/live, else the user's data folder."""
    named = os.environ.get("OTOLITH_HOME")
    if named:
        return Path(named).expanduser() / "live"
    import platformdirs

    return Path(platformdirs.user_data_path("otolith")) / "live"


def certificate(addresses: Sequence[str], place: Path | None = None) -> Certificate:
    """Return a certificate for these names and IP addresses: the kept one, if it covers them for another week.

    Raises:
        DataError: the file cannot be read or written.
    """
    path = (place or folder()) / _FILE
    try:
        found = _read(path, addresses)
        if found is None:
            make_place(path.parent)
            path.parent.mkdir(mode=0o700, exist_ok=True)
            write(path, _make(addresses), mode=0o600)  # never readable by others, not even for a moment
            found = _read(path, addresses)
    except (OSError, StorageError) as error:
        reason = error.__cause__ or error
        raise DataError(f"{path} cannot be used ({reason}); set OTOLITH_HOME elsewhere") from None
    assert found is not None
    return found


def _read(path: Path, addresses: Sequence[str]) -> Certificate | None:
    """Return the kept certificate; None where there is none, or it can no longer be used."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization

    try:
        content = read_bytes(path, MOST_TEXT)
        found = x509.load_pem_x509_certificate(content)
        serialization.load_pem_private_key(content, None)
        names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (FileNotFoundError, ValueError, TypeError, x509.ExtensionNotFound):
        return None
    covered = {str(name.value) for name in names}
    left = found.not_valid_after_utc - datetime.datetime.now(datetime.UTC)
    private = os.name == "nt" or not path.stat().st_mode & 0o077
    if not private or not set(addresses) <= covered or left < datetime.timedelta(days=RENEW_DAYS):
        return None
    public = found.public_bytes(serialization.Encoding.PEM)
    return Certificate(path, public, found.fingerprint(hashes.SHA256()).hex(":").upper())


def _make(addresses: Sequence[str]) -> bytes:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    names: list[x509.GeneralName] = []
    allowed: list[x509.GeneralName] = []
    for address in addresses:
        try:
            ip = ipaddress.ip_address(address)
        except ValueError:
            names.append(x509.DNSName(address))
            allowed.append(x509.DNSName(address))
        else:
            names.append(x509.IPAddress(ip))
            allowed.append(x509.IPAddress(ipaddress.ip_network(ip)))
    now = datetime.datetime.now(datetime.UTC)
    title = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"otolith live on {addresses[0]}"[:64])])
    made = (
        x509.CertificateBuilder()
        .subject_name(title)
        .issuer_name(title)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=DAYS - 1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.NameConstraints(allowed, None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return secret + made.public_bytes(serialization.Encoding.PEM)
