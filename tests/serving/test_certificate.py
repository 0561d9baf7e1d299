"""The certificate: private, limited to its addresses, reused while it serves, and good enough for a TLS client."""

from __future__ import annotations

import datetime
import os
import socket
import ssl
import stat
import threading
from pathlib import Path

import pytest

pytest.importorskip("cryptography", reason="the extra `live` is not installed")

from cryptography import x509

from otolith.errors import DataError
from otolith.serving import certificate as module
from otolith.serving.certificate import certificate

NAMES = ["192.168.7.5", "localhost", "127.0.0.1"]


def test_the_key_is_for_its_owner_alone(tmp_path: Path) -> None:
    found = certificate(NAMES, tmp_path / "live")
    assert stat.S_IMODE(found.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(found.path.parent.stat().st_mode) == 0o700
    assert b"PRIVATE" not in found.public
    assert [entry.name for entry in found.path.parent.iterdir()] == ["certificate.pem"]


def test_it_lies_where_otolith_home_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTOLITH_HOME", str(tmp_path))
    assert certificate(NAMES).path == tmp_path / "live" / "certificate.pem"


def test_it_speaks_for_its_addresses_and_no_others(tmp_path: Path) -> None:
    cert = x509.load_pem_x509_certificate(certificate(NAMES, tmp_path).public)
    allowed = cert.extensions.get_extension_for_class(x509.NameConstraints)
    assert allowed.critical
    assert allowed.value.permitted_subtrees is not None
    assert {str(name.value) for name in allowed.value.permitted_subtrees} == {
        "192.168.7.5/32",
        "127.0.0.1/32",
        "localhost",
    }
    assert cert.not_valid_after_utc - cert.not_valid_before_utc <= datetime.timedelta(days=module.DAYS)


def test_it_is_used_again_until_it_no_longer_serves(tmp_path: Path) -> None:
    first = certificate(NAMES, tmp_path)
    assert certificate(NAMES[1:], tmp_path).fingerprint == first.fingerprint
    other = certificate(["10.0.0.9"], tmp_path)
    assert other.fingerprint != first.fingerprint
    os.chmod(other.path, 0o644)
    fresh = certificate(["10.0.0.9"], tmp_path)
    assert fresh.fingerprint != other.fingerprint
    assert stat.S_IMODE(fresh.path.stat().st_mode) == 0o600
    fresh.path.write_bytes(fresh.path.read_bytes()[:300])
    assert certificate(["10.0.0.9"], tmp_path).fingerprint != fresh.fingerprint


def test_one_that_is_about_to_end_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = certificate(NAMES, tmp_path)
    monkeypatch.setattr(module, "RENEW_DAYS", module.DAYS - 2)
    assert certificate(NAMES, tmp_path).fingerprint == first.fingerprint
    monkeypatch.setattr(module, "RENEW_DAYS", module.DAYS)
    with pytest.raises(AssertionError):  # no certificate lasts so long: the new one is not good enough either
        certificate(NAMES, tmp_path)
    monkeypatch.undo()
    assert certificate(NAMES, tmp_path).fingerprint != first.fingerprint


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="OTOLITH_HOME"):
        certificate(NAMES, tmp_path / "file")


@pytest.mark.parametrize(("name", "accepted"), [("127.0.0.1", True), ("localhost", True), ("10.1.1.1", False)])
def test_a_client_that_trusts_it_gets_through(tmp_path: Path, name: str, accepted: bool) -> None:
    found = certificate(NAMES, tmp_path)
    server_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_side.load_cert_chain(found.path)
    client_side = ssl.create_default_context(cadata=found.public.decode())

    def answer(listening: socket.socket) -> None:
        connection, _ = listening.accept()
        with connection:
            try:
                with server_side.wrap_socket(connection, server_side=True) as secure:
                    secure.sendall(b"hello")
            except (ssl.SSLError, OSError):
                pass  # the client went away, as it should under another name

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=answer, args=(listening,))
        thread.start()
        try:
            with socket.create_connection(listening.getsockname(), timeout=10) as plain:
                if accepted:
                    with client_side.wrap_socket(plain, server_hostname=name) as secure:
                        assert secure.recv(5) == b"hello"
                else:
                    with pytest.raises(ssl.SSLCertVerificationError):
                        client_side.wrap_socket(plain, server_hostname=name)
        finally:
            thread.join(10)
