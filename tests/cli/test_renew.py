"""`kmipd renew`: another certificate for the server, which its clients do not notice."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from kmipd.server_certificate import names
from kmipd.trust.authority import Authority
from tests.cli.test_commands import refused
from tests.support.client import Client
from tests.support.server import Identity, Server, run
from tests.tokens.faults import eventually


def certificate(server: Server) -> x509.Certificate:
    return x509.load_pem_x509_certificate((server.directory / "tls" / "server.pem").read_bytes())


def seen(server: Server, identity: Identity) -> int:
    """The serial number of the certificate that a client is shown, checked against authority and name."""
    with Client.connect(server, identity) as client:
        found = client.sock.getpeercert()
        assert found is not None
        return int(found["serialNumber"], 16)


def test_clients_go_on_with_the_new_certificate(own_server: Server) -> None:
    own_server.start()
    identity, before = own_server.enrol(), certificate(own_server)
    assert "SIGHUP" in run("renew", "--dir", own_server.directory)
    after = certificate(own_server)
    assert names(after) == names(before)
    assert isinstance(after.public_key(), ec.EllipticCurvePublicKey)
    assert after.public_key() != before.public_key()
    assert (own_server.directory / "tls" / "server.key").stat().st_mode & 0o777 == 0o600
    assert seen(own_server, identity) == before.serial_number, "nobody has said so yet"
    os.kill(own_server.pid, signal.SIGHUP)
    assert eventually(lambda: seen(own_server, identity) == after.serial_number)


def test_other_names_replace_the_old_ones(own_server: Server) -> None:
    assert "keys.example.com" in run(
        "renew", "--dir", own_server.directory, "--host", "keys.example.com", "--host", "192.0.2.1"
    )
    assert names(certificate(own_server)) == ("keys.example.com", "192.0.2.1")


def test_what_another_authority_issued_is_left_alone(own_server: Server, tmp_path: Path) -> None:
    path = own_server.directory / "tls" / "server.pem"
    theirs = Authority.create(tmp_path / "authority", "their authority", "ec").issue_server(["keys.example.com"], "ec")
    path.write_bytes(theirs.certificate_pem)
    assert "CN=their authority" in refused("renew", "--dir", own_server.directory, code=6)
    assert path.read_bytes() == theirs.certificate_pem


@pytest.mark.parametrize("content", [None, b"no certificate"])
def test_without_a_certificate_nothing_is_made_up(own_server: Server, content: bytes | None) -> None:
    path = own_server.directory / "tls" / "server.pem"
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    assert str(path) in refused("renew", "--dir", own_server.directory, code=6)
