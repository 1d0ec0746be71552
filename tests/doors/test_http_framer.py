"""HTTP without a socket: the same requests whole, byte by byte and with more behind them."""

from __future__ import annotations

from collections.abc import Callable

import h11
import pytest

from kmipd.doors.https import HTTPFramer
from kmipd.doors.kmip import refusal
from kmipd.protocol import DEFAULT_LIMITS, Encoding, ProtocolError, from_ttlv
from kmipd.spec.enumerations import ResultReason
from kmipd.spec.versions import V1_4
from tests.doors.test_https import ASKED

ANSWER = refusal(V1_4, ResultReason.GENERAL_FAILURE, "an answer")


def post(body: bytes, encoding: Encoding, *headers: str) -> bytes:
    lines = ["POST /kmip HTTP/1.1", "Host: h", f"Content-Type: {encoding.value}", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, *headers, "", ""]).encode() + body


def whole(data: bytes) -> list[bytes]:
    return [data]


def bytewise(data: bytes) -> list[bytes]:
    return [bytes([byte]) for byte in data]


def talk(chunks: list[bytes]) -> tuple[list[bytes], bytes, HTTPFramer]:
    """What was asked in TTLV, all that was said, and the framer."""
    framer, asked, said = HTTPFramer(DEFAULT_LIMITS, b""), list[bytes](), b""
    for chunk in chunks:
        framer.receive_data(chunk)
        while (message := framer.next_message()) is not None:
            asked.append(message)
            said += framer.wrap(ANSWER)
        said += framer.outgoing()
    return asked, said, framer


def responses(said: bytes, count: int) -> list[tuple[int, bytes]]:
    """Status and body, read by h11 from the other side."""
    client, found = h11.Connection(h11.CLIENT), list[tuple[int, bytes]]()
    client.receive_data(said)
    for _ in range(count):
        client.send(h11.Request(method="POST", target="/kmip", headers=[("Host", "h")]))
        client.send(h11.EndOfMessage())
        status, body = 0, b""
        while not isinstance(event := client.next_event(), h11.EndOfMessage):
            status = event.status_code if isinstance(event, h11.Response) else status
            body += event.data if isinstance(event, h11.Data) else b""
        found.append((status, body))
        if client.our_state is h11.DONE:
            client.start_next_cycle()
    return found


@pytest.mark.parametrize("delivery", [whole, bytewise])
@pytest.mark.parametrize("encoding", Encoding)
def test_every_request_is_asked_once_and_answered(encoding: Encoding, delivery: Callable[[bytes], list[bytes]]) -> None:
    body = from_ttlv(encoding, ASKED)
    asked, said, framer = talk(delivery(post(body, encoding) * 3))
    assert asked == [ASKED] * 3
    assert responses(said, 3) == [(200, from_ttlv(encoding, ANSWER))] * 3
    assert (framer.pending, framer.over) == (0, False)


@pytest.mark.parametrize("delivery", [whole, bytewise])
def test_what_follows_a_request_is_a_request_of_its_own(delivery: Callable[[bytes], list[bytes]]) -> None:
    asked, said, framer = talk(delivery(post(ASKED, Encoding.TTLV) + b"\x42\x00\x78 no HTTP\r\n\r\n"))
    assert asked == [ASKED]
    assert [status for status, _ in responses(said, 2)] == [200, 400]
    assert framer.over
    assert "HTTP 400" in framer.refused


@pytest.mark.parametrize("delivery", [whole, bytewise])
def test_100_continue_comes_once_and_only_for_what_is_wanted(delivery: Callable[[bytes], list[bytes]]) -> None:
    asked, said, _ = talk(delivery(post(ASKED, Encoding.TTLV, "Expect: 100-continue")))
    assert asked == [ASKED]
    assert said.count(b"HTTP/1.1 100 ") == (1 if delivery is bytewise else 0), "the body is here already"
    _, said, framer = talk([post(bytes(2 << 20), Encoding.TTLV, "Expect: 100-continue")[:200]])
    assert [status for status, _ in responses(said, 1)] == [413]
    assert framer.unread


def test_half_a_request_is_pending() -> None:
    request = post(ASKED, Encoding.TTLV)
    for length in range(1, len(request)):
        _, said, framer = talk([request[:length]])
        assert said == b""
        assert framer.pending > 0


def test_a_body_that_is_no_message_raises_and_can_be_answered() -> None:
    framer = HTTPFramer(DEFAULT_LIMITS, post(b"{", Encoding.JSON))
    with pytest.raises(ProtocolError, match="not JSON"):
        framer.next_message()
    assert responses(framer.wrap(ANSWER), 1) == [(200, from_ttlv(Encoding.JSON, ANSWER))]
    assert not framer.over


def test_nothing_is_read_after_the_end() -> None:
    _, _, framer = talk([b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"])
    assert framer.over
    framer.receive_data(post(ASKED, Encoding.TTLV))
    assert framer.next_message() is None
    assert framer.outgoing() == b""
