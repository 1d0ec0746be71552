"""One client connection: handshake, requests in order, answers in order. It never blocks for a peer's sake.

Every method returns what the connection waits for; the worker parks it in the selector until then. A thread is at work
on a connection only while there is something to do.
"""

from __future__ import annotations

import enum
import logging
import select
import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass

from kmipd.core.model import Principal
from kmipd.doors.kmip import MessageHandler, refusal
from kmipd.doors.limits import DoorLimits
from kmipd.doors.watch import Watch
from kmipd.protocol import Framer, Limits, ProtocolError
from kmipd.spec.versions import V1_0
from kmipd.trust import refusals

log = logging.getLogger(__name__)

READ_SIZE = 16_384  # what one TLS record holds at most


class Wants(enum.Enum):
    READ = "read"
    WRITE = "write"
    CLOSE = "close"


@dataclass(frozen=True, slots=True)
class Doorkeeper:
    """What connections share: who they may be, what answers them, how long they may take."""

    handler: MessageHandler
    watch: Watch
    principal: Callable[[bytes], Principal | None]
    limits: DoorLimits
    message_limits: Limits
    admit: Callable[[Principal], bool]  # False when the client has too many connections
    allowed: Callable[[Principal], bool]  # False when it sends too fast
    refused: Callable[[], None]  # count one


class Connection:
    def __init__(self, sock: ssl.SSLSocket, peer: str, keeper: Doorkeeper) -> None:
        self.sock = sock
        self.peer = peer
        self.principal: Principal | None = None
        self.admitted: Principal | None = None  # counted against this client's connections
        self.at_work = False  # the worker's mark: a thread has it
        self._keeper = keeper
        self._framer = Framer(keeper.message_limits)
        self._shaken = False
        self._certificate = b""
        self._checked = 0.0
        self.used = time.monotonic()  # when it last did something
        self.deadline = self.used + keeper.limits.handshake
        self.why_late = "the handshake took too long"
        self.presented: bytes | None = None  # the certificate, even of a refused handshake

    def proceed(self) -> Wants:
        """Do what can be done now."""
        try:
            if not self._shaken:
                wants = self._shake_hands()
                if wants is not None:
                    return wants
            return self._converse()
        except (OSError, ssl.SSLError) as error:
            # A client may go at any time, in mid-message too: that is its right, and no news at warning level.
            log.debug("%s: connection ended: %s", self.peer, error)
            return Wants.CLOSE

    def close(self) -> None:
        try:
            self.sock.close()
        except OSError:
            return

    # Handshake -----------------------------------------------------------------------------------------------

    def _shake_hands(self) -> Wants | None:
        try:
            self.sock.do_handshake()
        except ssl.SSLWantReadError:
            return Wants.READ
        except ssl.SSLWantWriteError:
            return Wants.WRITE
        except (ssl.SSLError, OSError) as error:
            self.log_refusal(error)
            return Wants.CLOSE
        self._shaken = True
        self._certificate = self.sock.getpeercert(binary_form=True) or b""
        self._check_identity()
        if self.principal is None:
            self._keeper.refused()
            log.warning(
                "refused: %s: the certificate is good but stands for nobody here; enrol it with `kmipd client sign` "
                "or add an identity rule %s",
                self.peer,
                refusals.describe(self._certificate),
            )
        elif not self._keeper.admit(self.principal):
            log.warning("refused: %s: %s has too many connections", self.peer, self.principal.name)
            return Wants.CLOSE
        else:
            self.admitted = self.principal
            log.info("%s: %s by %s", self.peer, self.principal.name, self.sock.version())
        self._become_idle()
        return None

    def log_refusal(self, error: BaseException) -> None:
        """Say who was refused and why, unless the peer merely connected and left (port checks do)."""
        if isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError | ConnectionError) and self.presented is None:
            log.debug("%s: left before the handshake", self.peer)
            return
        self._keeper.refused()
        reason, remedy = refusals.explain(error)
        log.warning("refused: %s: %s: %s %s", self.peer, reason, remedy, refusals.describe(self.presented))

    def _check_identity(self) -> None:
        self.principal = self._keeper.principal(self._certificate)
        self._checked = time.monotonic()

    # Requests ------------------------------------------------------------------------------------------------

    def _converse(self) -> Wants:
        while True:
            try:
                data = self.sock.read(READ_SIZE)
            except ssl.SSLWantReadError:
                return Wants.READ
            except ssl.SSLWantWriteError:
                return Wants.WRITE
            if not data:
                return Wants.CLOSE
            self._framer.receive_data(data)
            if not self._answer_all():
                return Wants.CLOSE
            if len(data) < READ_SIZE:  # a record at a time: further ones are still in the socket, and epoll will say so
                return Wants.READ

    def _answer_all(self) -> bool:
        """Answer every whole message that has arrived, in order; False when the connection must end."""
        while True:
            try:
                message = self._framer.next_message()
            except ProtocolError as error:
                log.warning("refused: %s: %s", self.peer, error)
                self._keeper.refused()
                self._send(refusal(V1_0, error.reason, str(error)))
                return False
            if message is None:
                self._wait_for_rest()
                return True
            if time.monotonic() - self._checked > self._keeper.limits.recheck:
                self._check_identity()
            if self.principal is not None and not self._keeper.allowed(self.principal):
                log.warning("refused: %s: %s sends too fast", self.peer, self.principal.name)
                return False
            request = self._keeper.watch.begin(message, self.peer, self._cut_off)
            answer = self._keeper.handler.answer(message, self.principal, self.peer, request.change)
            if not self._keeper.watch.finish(request):
                return False
            self._send(answer)
            self._become_idle()
            if self.principal is None:
                return False
            if not self._framer.pending:
                return True

    def _send(self, data: bytes) -> None:
        """All of it; the one place where a peer can hold a thread, for as long as the write limit."""
        rest: bytes | memoryview = data
        until = 0.0
        while rest:
            try:
                sent = self.sock.send(rest)
                if sent == len(rest):
                    return
                rest = memoryview(rest)[sent:]
            except (ssl.SSLWantWriteError, ssl.SSLWantReadError):
                until = until or time.monotonic() + self._keeper.limits.write
                left = until - time.monotonic()
                if left <= 0 or not _writable(self.sock, left):
                    raise TimeoutError("the client does not read its answer") from None

    def _cut_off(self, answer: bytes) -> None:
        """Called by another thread while our own is stuck in a request: the last answer, and the end.

        The socket stays open until our own thread is back and drops the connection.
        """
        try:
            self.sock.send(answer)
            socket.socket.shutdown(self.sock, socket.SHUT_RDWR)  # of the plain socket: the TLS object stays as it is
        except OSError as error:
            log.debug("%s: left before it was given up: %s", self.peer, error)

    def _become_idle(self) -> None:
        self.used = time.monotonic()
        self.deadline = self.used + self._keeper.limits.idle
        self.why_late = ""

    def _wait_for_rest(self) -> None:
        """Half a message has a clock of its own, which further bytes do not wind up again."""
        if self._framer.pending and not self.why_late:
            self.deadline = time.monotonic() + self._keeper.limits.request
            self.why_late = "a message was begun and not finished"


def _writable(sock: socket.socket, seconds: float) -> bool:
    poll = select.poll()
    poll.register(sock, select.POLLOUT)
    return bool(poll.poll(seconds * 1000))
