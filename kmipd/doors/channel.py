"""A connection that was turned round: we ask, the client answers (KMIP 2.1, 6.1.54 and 6.2).

It has a thread of its own, since it is idle for hours and must not read and write TLS in two threads. A client that
does not answer in time, or answers with something else, loses the connection, and asks for another one.
"""

from __future__ import annotations

import logging
import ssl
import threading
import time
from collections.abc import Callable

from kmipd import protocol
from kmipd.core.model import Principal
from kmipd.core.notifications import Outbox
from kmipd.doors.connection import Connection
from kmipd.spec.messages import RequestMessage
from kmipd.spec.versions import Version

log = logging.getLogger(__name__)

CHANNELS_MAX = 8  # in one worker: each is a thread
LOOK_SECONDS = 0.25  # how often is looked for something to say
ANSWER_SECONDS = 30.0


class Channel:
    def __init__(self, sock: ssl.SSLSocket, limits: protocol.Limits, outbox: Outbox) -> None:
        self._sock = sock
        self._framer = protocol.Framer(limits)
        self._outbox = outbox

    def serve(self, ending: Callable[[], bool]) -> None:
        """Until the client leaves, or `ending`. OSError and ProtocolError are the end of it too."""
        self._sock.settimeout(ANSWER_SECONDS)
        opening = self._outbox.opening()
        if opening is not None:
            self._outbox.learn(protocol.read_response(self._exchange(opening)))
        while not ending():
            for message in self._outbox.next():
                self._exchange(message)
            if self._left():
                return

    def _exchange(self, message: RequestMessage) -> bytes:
        self._sock.sendall(protocol.write_request(message, protocol.Newer.LEAVE_OUT))
        until = time.monotonic() + ANSWER_SECONDS
        while (answer := self._framer.next_message()) is None:
            data = self._sock.recv(16_384)
            if not data or time.monotonic() > until:
                raise ConnectionError("the client did not answer")
            self._framer.receive_data(data)
        return answer

    def _left(self) -> bool:
        """Wait a moment, in which the client may only leave."""
        self._sock.settimeout(LOOK_SECONDS)
        try:
            data = self._sock.recv(1)
        except TimeoutError:
            return False
        finally:
            self._sock.settimeout(ANSWER_SECONDS)
        if data:
            raise ConnectionError("the client spoke without being asked")
        return True


class Channels:
    """The connections of one worker that were turned round."""

    def __init__(self, outbox: Callable[[Principal, Version], Outbox], limits: protocol.Limits) -> None:
        self._outbox = outbox
        self._limits = limits
        self._count = 0
        self._lock = threading.Lock()

    def open(self, principal: Principal, version: Version) -> Outbox | None:
        """What will be said from now on; None when all places are taken."""
        with self._lock:
            if self._count >= CHANNELS_MAX:
                return None
            outbox = self._outbox(principal, version)
            self._count += 1
            return outbox

    def release(self) -> None:
        with self._lock:
            self._count -= 1

    def serve(self, connection: Connection, draining: Callable[[], bool], drop: Callable[[Connection], None]) -> None:
        """In a thread of its own, which drops the connection at the end."""

        def work() -> None:
            try:
                self._talk(connection, lambda: draining() or not connection.known())
            except (OSError, protocol.ProtocolError) as error:
                log.info("%s: the channel to the client ended: %s", connection.peer, error)
            except Exception:
                log.exception("%s: the channel to the client failed", connection.peer)
            finally:
                drop(connection)

        threading.Thread(target=work, name="channel", daemon=True).start()

    def _talk(self, connection: Connection, ending: Callable[[], bool]) -> None:
        if connection.turned is not None:
            Channel(connection.sock, self._limits, connection.turned).serve(ending)
