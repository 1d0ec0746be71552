"""Whoever connects: refused, limited and logged with a reason, and nobody else notices."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import socket
import ssl
import time
from pathlib import Path

import pytest

from kmipd.spec import payloads as p
from kmipd.spec.enumerations import Operation, ResultReason
from kmipd.trust.authority import Authority
from tests.support.asking import create
from tests.support.client import Client, Ended, Refused
from tests.support.server import Identity, Server

QUICK = {"handshake": 1.0, "request": 1.0, "recheck": 0.1, "drain_idle": 0.2}


def _wait_for(server: Server, text: str, seconds: float = 10.0) -> str:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        found = [line for line in server.log.read_text().splitlines() if text in line]
        if found:
            return found[-1]
        time.sleep(0.05)
    raise AssertionError(f"{text!r} is not in the log:\n{server.log.read_text()}")


def _works(server: Server, identity: Identity) -> None:
    with Client.connect(server, identity) as client:
        assert create(client)


def test_any_bytes_end_in_an_error_or_a_closed_connection(own_server: Server) -> None:
    own_server.configure("limits", **QUICK).start()
    identity = own_server.enrol()
    chance = random.Random(7)
    for size in (1, 3, 8, 9, 40, 500, 5000):
        for start in (b"", b"\x42\x00\x78\x01", b"GET / HTTP/1.1\r\n"):
            with Client.connect(own_server, identity) as client, contextlib.suppress(Ended, OSError):
                client.sock.sendall(start + chance.randbytes(size))
                client.receive()
    _works(own_server, identity)
    assert "Traceback" not in own_server.log.read_text()


def test_a_message_larger_than_the_limit_is_refused_before_it_is_held(own_server: Server) -> None:
    own_server.start()
    with Client.connect(own_server, own_server.enrol()) as client:
        client.sock.sendall(b"\x42\x00\x78\x01\x7f\xff\xff\xf8" + bytes(100))
        answer = client.receive()
    assert answer[:3] == b"\x42\x00\x7b"
    assert "the limit is 1048576" in _wait_for(own_server, "refused")


def test_half_a_message_is_not_kept_for_ever(own_server: Server) -> None:
    own_server.configure("limits", **QUICK).start()
    with Client.connect(own_server, own_server.enrol()) as client:
        client.sock.sendall(b"\x42\x00\x78\x01\x00\x00\x00\x90")
        begun = time.monotonic()
        assert client.sock.recv(1) == b""
        assert time.monotonic() - begun < 10
    _wait_for(own_server, "a message was begun and not finished")


def test_silent_peers_hold_no_thread(own_server: Server) -> None:
    """More silent handshakes than there are threads: a real client is served all the same."""
    own_server.configure("limits", **QUICK).start()
    identity = own_server.enrol()
    silent = [socket.create_connection((own_server.host, own_server.port)) for _ in range(64)]
    try:
        begun = time.monotonic()
        _works(own_server, identity)
        assert time.monotonic() - begun < 5
        _wait_for(own_server, "the handshake took too long")
    finally:
        for sock in silent:
            sock.close()


def test_connections_of_one_client_are_bounded(own_server: Server) -> None:
    own_server.configure("limits", connections_per_client_max=2).start()
    identity, other = own_server.enrol(), own_server.enrol()
    held = [Client.connect(own_server, identity) for _ in range(2)]
    try:
        for client in held:
            assert create(client)
        with pytest.raises((Ended, OSError)), Client.connect(own_server, identity) as third:
            create(third)
        _works(own_server, other)
        _wait_for(own_server, "too many connections")
    finally:
        for client in held:
            client.close()


def test_a_client_that_sends_too_fast_is_cut_off(own_server: Server) -> None:
    own_server.configure("limits", rate_per_client_max=5).start()
    with Client.connect(own_server, own_server.enrol()) as client, pytest.raises((Ended, OSError)):  # noqa: PT012
        for _ in range(50):
            client.call(Operation.LOCATE, p.LocateRequestPayload())
    _wait_for(own_server, "sends too fast")


# Certificates ------------------------------------------------------------------------------------------------


def _foreign(directory: Path) -> Identity:
    """A client of an authority this server has never heard of."""
    authority = Authority.create(directory / "authority", "somebody else", "ec")
    issued = authority.issue_client("intruder", "ec")
    (directory / "cert.pem").write_bytes(issued.certificate_pem)
    (directory / "key.pem").write_bytes(issued.key_pem)
    return Identity("intruder", "intruder", directory)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_foreign_certificate_is_refused_and_described(
    own_server: Server, tmp_path: Path, version: ssl.TLSVersion
) -> None:
    own_server.start()
    good = own_server.enrol()
    foreign = _foreign(tmp_path / "foreign")
    shutil.copy(good.ca, foreign.ca)
    context = foreign.context()
    context.minimum_version = context.maximum_version = version
    raw = socket.create_connection((own_server.host, own_server.port), 10)
    with raw, pytest.raises(OSError), context.wrap_socket(raw, server_hostname="localhost") as sock:  # noqa: PT012
        sock.sendall(b"\x42\x00\x78\x01\x00\x00\x00\x08" + bytes(8))
        if not sock.recv(1):
            raise ConnectionResetError
    line = _wait_for(own_server, "refused")
    for part in ("CN=intruder", "CN=somebody else", "sha256", "expires", "its issuer is not among"):
        assert part in line or "unable to get" in line, line
    assert "CN=intruder" in line


def test_no_certificate_is_refused(own_server: Server) -> None:
    own_server.start()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(own_server.directory / "authority" / "ca.pem")
    raw = socket.create_connection((own_server.host, own_server.port), 10)
    with raw, pytest.raises(OSError), context.wrap_socket(raw, server_hostname="localhost") as sock:  # noqa: PT012
        sock.sendall(b"x")
        if not sock.recv(1):
            raise ConnectionResetError
    assert "the client sent no certificate" in _wait_for(own_server, "refused")


def test_old_tls_is_refused(own_server: Server) -> None:
    own_server.start()
    context = own_server.enrol().context()
    context.set_ciphers("AES128-SHA256")  # static RSA, which old products insist on
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    raw = socket.create_connection((own_server.host, own_server.port), 10)
    with raw, pytest.raises(OSError):
        context.wrap_socket(raw, server_hostname="localhost")
    assert "no cipher that is accepted" in _wait_for(own_server, "refused")


def test_a_good_certificate_that_stands_for_nobody(own_server: Server) -> None:
    """TLS passes, KMIP says Authentication Not Successful, and the log says what to do."""
    own_server.start()
    authority = Authority.load(own_server.directory / "authority")
    issued = authority.issue_client("stranger", "ec")
    directory = own_server.directory.parent / "stranger"
    directory.mkdir()
    (directory / "cert.pem").write_bytes(issued.certificate_pem)
    (directory / "key.pem").write_bytes(issued.key_pem)
    (directory / "ca.pem").write_bytes(authority.certificate_pem)
    with Client.connect(own_server, Identity("stranger", "stranger", directory)) as client:
        assert client.refusal(Operation.LOCATE, p.LocateRequestPayload()) is (
            ResultReason.AUTHENTICATION_NOT_SUCCESSFUL
        )
    assert "CN=stranger" in _wait_for(own_server, "stands for nobody here")


def test_a_revoked_client_is_cut_off_within_seconds(own_server: Server) -> None:
    from kmipd import administration, config

    own_server.configure("limits", **QUICK).start()
    identity = own_server.enrol("doomed")
    with Client.connect(own_server, identity) as client:
        assert create(client)
        clients = administration.Clients(config.load(own_server.directory, {}))
        assert clients.revoke("doomed") == 1
        clients.close()
        time.sleep(0.3)
        with pytest.raises((Refused, Ended, OSError)):
            create(client)
    assert own_server.process is not None
    os.kill(own_server.pid, signal.SIGHUP)
    _wait_for(own_server, "were read again")
    with pytest.raises((Ended, OSError)), Client.connect(own_server, identity) as client:
        create(client)
    assert "certificate revoked" in _wait_for(own_server, "refused")


# Reload ------------------------------------------------------------------------------------------------------


def test_sighup_takes_new_certificates_and_keeps_old_ones_when_they_are_bad(own_server: Server) -> None:
    own_server.start()
    identity = own_server.enrol()

    def serial() -> str:
        with Client.connect(own_server, identity) as client:
            found = client.sock.getpeercert()
            assert found is not None
            return str(found["serialNumber"])

    before = serial()
    tls = own_server.directory / "tls"
    issued = Authority.load(own_server.directory / "authority").issue_server(["localhost", "127.0.0.1"], "ec")
    (tls / "server.key").write_bytes(issued.key_pem)
    os.kill(own_server.pid, signal.SIGHUP)
    _wait_for(own_server, "the old certificates stay in use")
    assert serial() == before, "key and certificate do not match: the old pair must stay"
    (tls / "server.pem").write_bytes(issued.certificate_pem)
    os.kill(own_server.pid, signal.SIGHUP)
    _wait_for(own_server, "were read again")
    assert serial() != before
