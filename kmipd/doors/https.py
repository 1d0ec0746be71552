"""HTTP without its socket: requests in, KMIP messages out, their answers back (additional message encodings 1.0, §2).

h11 reads HTTP/1.0 and 1.1. Only what the profile describes is answered by KMIP: POST of /kmip, one of the media types,
a Content-Length. Everything else gets its status code and the connection ends, since what follows on it may be the
body of what was refused.
"""

from __future__ import annotations

import contextlib
from email.utils import formatdate
from http import HTTPStatus
from typing import Final

import h11

from kmipd import protocol
from kmipd.doors.kmip import refusal
from kmipd.protocol import Encoding, Limits, ProtocolError
from kmipd.spec.enumerations import ResultReason

PATH: Final = "/kmip"
#: Bytes of a request line and its headers; a client needs some hundred.
HEADERS_MAX: Final = 16_384
#: The media types of the profile, and the one XML has otherwise (RFC 7303).
_MEDIA: Final = {encoding.value: encoding for encoding in Encoding} | {"application/xml": Encoding.XML}
_CONTINUE: Final = h11.InformationalResponse(status_code=100, headers=[], reason=b"Continue")
_CHARSETS: Final = frozenset({"", "utf-8", "us-ascii"})


class _Refused(Exception):
    """The request gets a status code instead of an answer."""

    def __init__(self, status: HTTPStatus, why: str, **headers: str) -> None:
        super().__init__(why)
        self.status = status
        self.headers = {name.title().replace("_", "-"): value for name, value in headers.items()}


class HTTPFramer:
    """Takes the place of a `Framer` on a connection that speaks HTTP.

        framer.receive_data(received)
        while (message := framer.next_message()) is not None:
            send(framer.wrap(answer(message)))
        send(framer.outgoing())

    `next_message` raises ProtocolError for a body that is not KMIP; the refusal of that is an answer like any other.
    """

    def __init__(self, limits: Limits, held: bytes) -> None:
        self._limits = limits
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=HEADERS_MAX)
        self._encoding = Encoding.TTLV
        self._method = b""
        self._body = bytearray()
        self._outgoing = b""
        #: Why the last request was refused; empty when none was.
        self.refused = ""
        #: Nothing further is read on this connection.
        self.over = False
        self.receive_data(held)

    def receive_data(self, data: bytes) -> None:
        """Take what the peer sent; after the end it is thrown away."""
        if data and not self.over:  # no bytes are the end of the stream to h11
            self._http.receive_data(data)

    def next_message(self) -> bytes | None:
        """One whole message as TTLV, or None while it is not all there or there will be none."""
        try:
            while not self.over:
                event = self._http.next_event()
                if isinstance(event, h11.Request):
                    self._begin(event)
                elif isinstance(event, h11.Data):
                    self._body += event.data
                elif isinstance(event, h11.EndOfMessage):
                    body = bytes(self._body)
                    self._body.clear()
                    return protocol.to_ttlv(self._encoding, body, self._limits)
                else:
                    return None
        except h11.RemoteProtocolError as error:
            self._refuse(_Refused(HTTPStatus(error.error_status_hint), "this is not a request of HTTP/1.1"))
        except _Refused as refused:
            self._refuse(refused)
        return None

    def wrap(self, answer: bytes) -> bytes:
        """The response with a KMIP message in the encoding of the request."""
        try:
            body = protocol.from_ttlv(self._encoding, answer)
        except ProtocolError as error:
            why = refusal(protocol.peek_version(answer), ResultReason.GENERAL_FAILURE, f"cannot be answered: {error}")
            body = protocol.from_ttlv(self._encoding, why)
        sent = self.outgoing() + self._response(HTTPStatus.OK, self._encoding.value, body, {})
        if self._http.our_state is h11.DONE and self._http.their_state is h11.DONE:
            self._http.start_next_cycle()
        else:
            self.over = True
        return sent

    def outgoing(self) -> bytes:
        """What is to be sent besides answers: interim responses and refusals."""
        sent, self._outgoing = self._outgoing, b""
        return sent

    def refuse(self, status: HTTPStatus, why: str) -> None:
        """Refuse the request that is under way for a reason of the connection's own."""
        self._refuse(_Refused(status, why))

    @property
    def pending(self) -> int:
        """Bytes of requests not yet answered; at least 1 while a request is under way, or the end is to come."""
        under_way = self.over or self._http.their_state is not h11.IDLE
        return under_way + len(self._body) + len(self._http.trailing_data[0])

    @property
    def unread(self) -> bool:
        """Whether the peer may still be sending: to close at once would take the refusal from it (RFC 9112, 9.6)."""
        return self._http.their_state in (h11.SEND_BODY, h11.ERROR, h11.IDLE)

    # The rules of a request --------------------------------------------------------------------------------------

    def _begin(self, request: h11.Request) -> None:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in request.headers}
        self._method = bytes(request.method)
        if request.http_version not in (b"1.0", b"1.1"):
            raise _Refused(HTTPStatus.HTTP_VERSION_NOT_SUPPORTED, "HTTP/1.0 and HTTP/1.1 are")
        self._check_target(bytes(request.target).decode("latin-1"))
        if self._method != b"POST":
            raise _Refused(HTTPStatus.METHOD_NOT_ALLOWED, "KMIP is asked by POST", allow="POST")
        self._encoding = _encoding(headers)
        self._check_length(headers)
        expected = headers.get("expect", "100-continue").lower()
        if expected != "100-continue":
            raise _Refused(HTTPStatus.EXPECTATION_FAILED, "100-continue is the only expectation that is met")
        if self._http.they_are_waiting_for_100_continue and not self._http.trailing_data[0]:
            self._outgoing += self._http.send(_CONTINUE) or b""

    @staticmethod
    def _check_target(target: str) -> None:
        if "://" in target:  # the absolute form, which a server must take too (RFC 9112, 3.2.2)
            target = "/" + target.partition("://")[2].partition("/")[2]
        if target.partition("?")[0] != PATH:
            raise _Refused(HTTPStatus.NOT_FOUND, f"KMIP is at {PATH}")

    def _check_length(self, headers: dict[str, str]) -> None:
        if "transfer-encoding" in headers or "content-length" not in headers:
            raise _Refused(HTTPStatus.LENGTH_REQUIRED, "the profile asks for a Content-Length")
        limits = self._limits
        limit = limits.message_size_max if self._encoding is Encoding.TTLV else limits.text_size_max
        if int(headers["content-length"]) > limit:  # h11 has seen that it is a number
            raise _Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"the limit is {limit} bytes")

    # Responses ---------------------------------------------------------------------------------------------------

    def _refuse(self, refused: _Refused) -> None:
        with contextlib.suppress(h11.RemoteProtocolError):
            while isinstance(self._http.next_event(), h11.Data):  # what is here of the body is thrown away
                continue
        self.refused = f"HTTP {refused.status.value} {refused.status.phrase}: {refused}"
        if self._http.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            headers = refused.headers | {"Connection": "close"}
            self._outgoing += self._response(refused.status, "text/plain", f"{self.refused}\n".encode(), headers)
        self.over = True

    def _response(self, status: HTTPStatus, media: str, body: bytes, headers: dict[str, str]) -> bytes:
        fields = {
            "Date": formatdate(usegmt=True),
            "Content-Type": media,
            "Content-Length": str(len(body)),
            "Cache-Control": "no-cache",
        } | headers
        response = h11.Response(status_code=status.value, headers=list(fields.items()), reason=status.phrase.encode())
        events = [response, *([] if self._method == b"HEAD" else [h11.Data(data=body)]), h11.EndOfMessage()]
        return b"".join(self._http.send(event) or b"" for event in events)


def _encoding(headers: dict[str, str]) -> Encoding:
    media, _, parameters = headers.get("content-type", "").lower().partition(";")
    encoding = _MEDIA.get(media.strip())
    charset = parameters.partition("charset=")[2].partition(";")[0].strip(' "')
    if encoding is None or charset not in _CHARSETS or headers.get("content-encoding", "identity") != "identity":
        raise _Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"the media types are {', '.join(_MEDIA)}, in UTF-8")
    return encoding
