"""How a request goes out and how its answer is cut from what comes back: by TLS socket, or by HTTPS in any encoding.

An answer is looked at as little as possible, because the client must stay cheap.
"""

from __future__ import annotations

import re
from typing import Final, Protocol

from kmipd.protocol import Encoding, from_ttlv, to_ttlv

_LENGTH: Final = re.compile(rb"\r\ncontent-length: *([0-9]+)", re.IGNORECASE)
_KMIP: Final = b"\x42\x00"


class Framing(Protocol):
    def ask(self, message: bytes) -> bytes:
        """What goes out for a request in TTLV."""

    def whole(self, data: bytes) -> bool:
        """Whether all of an answer is there."""

    def message(self, data: bytes) -> bytes:
        """The answer in TTLV; ValueError with what else the server said."""


class ByTLS:
    """TTLV as it is."""

    def ask(self, message: bytes) -> bytes:
        return message

    def whole(self, data: bytes) -> bool:
        if len(data) < 8:
            return False
        return len(data) >= 8 + int.from_bytes(data[4:8], "big") or not data.startswith(_KMIP)

    def message(self, data: bytes) -> bytes:
        if not data.startswith(_KMIP):
            raise ValueError("what answers there is no KMIP server")
        return data


class ByHTTPS:
    """POST /kmip on a kept connection."""

    def __init__(self, encoding: Encoding, host: str) -> None:
        self._encoding = encoding
        self._head = f"POST /kmip HTTP/1.1\r\nHost: {host}\r\nContent-Type: {encoding.value}\r\nCache-Control: no-cache"

    def ask(self, message: bytes) -> bytes:
        body = from_ttlv(self._encoding, message)
        return f"{self._head}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body

    def whole(self, data: bytes) -> bool:
        head, end, body = data.partition(b"\r\n\r\n")
        length = _LENGTH.search(head) if end else None
        return bool(end) and (length is None or len(body) >= int(length[1]))

    def message(self, data: bytes) -> bytes:
        head, _, body = data.partition(b"\r\n\r\n")
        status = head.partition(b"\r\n")[0].decode("latin-1")
        if " 200" not in status:
            raise ValueError(f"the server answers {status}")
        return to_ttlv(self._encoding, body)
