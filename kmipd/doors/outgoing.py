"""Bytes on the way to one client, no faster than it reads them: the socket says when to go on, no thread waits."""

from __future__ import annotations

import enum
import ssl


class Wants(enum.Enum):
    """What a connection waits for, or what is to be done with it."""

    READ = "read"
    WRITE = "write"
    CLOSE = "close"
    TURN = "turn"  # we are to be the client from now on


class Outgoing:
    def __init__(self, sock: ssl.SSLSocket) -> None:
        self._sock = sock
        self._rest = b""

    @property
    def waiting(self) -> bool:
        """Whether the client has yet to take something. It gets no further answer before it has."""
        return bool(self._rest)

    def send(self, data: bytes) -> None:
        """Send what the client takes now; the rest goes with `flush`."""
        if not data:
            return
        if not self._rest:
            try:
                sent = self._sock.send(data)
            except (ssl.SSLWantWriteError, ssl.SSLWantReadError):
                sent = 0
            if sent == len(data):
                return
            data = data[sent:]
        self._rest += data  # an interrupted write is repeated with the same bytes at least (SSL_write(3))

    def flush(self) -> Wants | None:
        """Go on; what the socket waits for, or None when everything is gone."""
        while self._rest:
            try:
                self._rest = self._rest[self._sock.send(self._rest) :]
            except ssl.SSLWantWriteError:
                return Wants.WRITE
            except ssl.SSLWantReadError:
                return Wants.READ
        return None
