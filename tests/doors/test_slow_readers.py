"""Clients that ask and do not read: they cost memory for one answer, and nobody else a thread."""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import Callable

import pytest

from kmipd import protocol
from kmipd.doors.outgoing import Outgoing, Wants
from kmipd.spec import payloads as p
from kmipd.spec.enumerations import ObjectType, Operation
from tests.support.asking import create, opaque, register
from tests.support.client import Client, Ended, request
from tests.support.server import Identity, Server

SIZE = 600_000  # bytes of an object: one answer fits no socket buffer for long
ASKED = 24  # answers a client asks for without reading: more than the kernel holds for it
THREADS = 2
HEAD = "POST /kmip HTTP/1.1\r\nHost: h\r\nContent-Type: application/octet-stream\r\nContent-Length: {}\r\n\r\n"


def _started(server: Server, write: float) -> tuple[Identity, bytes]:
    """A client of one worker with few threads, and its request for an answer that is large."""
    limits = {"threads_min": THREADS, "threads_max": THREADS, "hung_max": THREADS, "write": write}
    server.configure("limits", **limits).start(workers=1)
    identity = server.enrol()
    with Client.connect(server, identity) as client:
        uid = register(client, ObjectType.OPAQUE_OBJECT, opaque(bytes(SIZE)))
        get = request((Operation.GET, p.GetRequestPayload(unique_identifier=uid)), version=client.version)
    return identity, protocol.write_request(get)


def _over_http(client: Client) -> int:
    """The size of the next answer's body."""
    stream = client.sock.makefile("rb", buffering=0)
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += stream.read(1)
    assert head.startswith(b"HTTP/1.1 200 "), head
    (size,) = (int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
    return len(client._exactly(size))


@pytest.mark.parametrize("http", [False, True], ids=["TLS", "HTTPS"])
def test_clients_that_do_not_read_hold_no_thread(own_server: Server, http: bool) -> None:
    identity, get = _started(own_server, write=60.0)
    message = HEAD.format(len(get)).encode() + get if http else get
    read: Callable[[Client], int] = _over_http if http else lambda client: len(client.receive())
    with contextlib.ExitStack() as stack:
        silent = [stack.enter_context(Client.connect(own_server, identity)) for _ in range(4 * THREADS)]
        for client in silent:
            client.sock.sendall(message * ASKED)
        with Client.connect(own_server, identity) as other:
            for _ in range(5):
                assert create(other)
        for client in silent:  # late, whole, and in order
            assert all(read(client) > SIZE for _ in range(ASKED))
        if not http:
            assert all(create(client) for client in silent)


def test_a_client_that_never_reads_is_given_up(own_server: Server) -> None:
    identity, get = _started(own_server, write=1.0)
    with Client.connect(own_server, identity) as client:
        client.sock.sendall(get * ASKED)
        with pytest.raises((Ended, OSError)):  # noqa: PT012
            with Client.connect(own_server, identity) as other:
                while "the client does not read its answer" not in own_server.log.read_text():
                    assert create(other)
            for _ in range(ASKED):
                client.receive()
    assert "Traceback" not in own_server.log.read_text()


class _Narrow:
    """A socket that takes a few bytes, and then wants to be waited for."""

    def __init__(self) -> None:
        self.calls = 0
        self.taken = b""

    def send(self, data: bytes) -> int:
        self.calls += 1
        if self.calls % 2 == 0:
            raise ssl.SSLWantWriteError
        self.taken += data[:3]
        return min(3, len(data))


def test_what_is_sent_meanwhile_follows_what_waits() -> None:
    sock = _Narrow()
    outgoing = Outgoing(sock)  # type: ignore[arg-type]
    outgoing.send(b"")
    assert (sock.calls, outgoing.waiting) == (0, False), "nothing is no record"
    outgoing.send(b"abcdef")
    outgoing.send(b"gh")
    assert outgoing.waiting
    assert [outgoing.flush() for _ in range(3)] == [Wants.WRITE, Wants.WRITE, None]
    assert sock.taken == b"abcdefgh"
