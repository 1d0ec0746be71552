"""One client connection: handshake, requests in order, answers in order. It never blocks for a peer's sake.

Every method returns what the connection waits for; the worker parks it in the selector until then. A thread is at work
on a connection only while there is something to do.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus

from kmipd.core.model import Principal
from kmipd.core.notifications import Outbox
from kmipd.doors.https import HTTPFramer
from kmipd.doors.kmip import MessageHandler, unreadable
from kmipd.doors.limits import DoorLimits
from kmipd.doors.outgoing import Outgoing, Wants
from kmipd.doors.watch import Watch
from kmipd.protocol import Framer, Limits, ProtocolError
from kmipd.spec.versions import Version
from kmipd.trust import refusals

log = logging.getLogger(__name__)

READ_SIZE = 16_384  # what one TLS record holds at most
LINGER_SECONDS = 2.0  # for a client to take the refusal of a request it is still sending


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
    https: bool  # whether HTTP is understood as well
    turn: Callable[[Principal, Version], Outbox | None]  # None when too many connections were turned round already


class Connection:
    def __init__(self, sock: ssl.SSLSocket, peer: str, keeper: Doorkeeper) -> None:
        self.sock = sock
        self.peer = peer
        self.principal: Principal | None = None
        self.admitted: Principal | None = None  # counted against this client's connections
        self.turned: Outbox | None = None  # what we say as the client
        self.at_work = False  # the worker's mark: a thread has it
        self._keeper = keeper
        self._framer: Framer | HTTPFramer = Framer(keeper.message_limits)
        self._http: HTTPFramer | None = None  # the same, once the client has begun to speak HTTP
        self._shaken = False
        self._certificate = b""
        self._checked = 0.0
        self.used = time.monotonic()  # when it last did something
        self.deadline = self.used + keeper.limits.handshake
        self.why_late = "the handshake took too long"
        self._lingers = False
        self._outgoing = Outgoing(sock)
        self._ending = False  # once the last answer is gone
        self.presented: bytes | None = None  # the certificate, even of a refused handshake

    def proceed(self) -> Wants:
        """Do what can be done now."""
        try:
            if not self._shaken:
                wants = self._shake_hands()
                if wants is not None:
                    return wants
            return self._served()
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
                "refused: %s: the certificate is good but stands for nobody here: it is not enrolled, or was revoked; "
                "enrol the client with `kmipd client`, or add an identity rule %s",
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

    def known(self) -> bool:
        """Whether the certificate stands for somebody, still."""
        if time.monotonic() - self._checked > self._keeper.limits.recheck:
            self._check_identity()
        return self.principal is not None

    # Requests ------------------------------------------------------------------------------------------------

    def _served(self) -> Wants:
        """Converse as long as the client reads its answers."""
        if self._outgoing.waiting:
            blocked = self._outgoing.flush()
            if blocked is not None:
                return blocked
            self._become_idle()
            wants = self._go_on()
        else:
            wants = self._converse()
        if not self._outgoing.waiting:
            return wants
        self._ending = wants is Wants.CLOSE
        self.deadline = time.monotonic() + self._keeper.limits.write
        self.why_late = "the client does not read its answer"
        return Wants.WRITE

    @property
    def wants(self) -> Wants:
        """What it waits for while nobody is at work on it."""
        return Wants.WRITE if self._outgoing.waiting else Wants.READ

    def _go_on(self) -> Wants:
        """The client has read what it was sent: answer what was set aside meanwhile."""
        if self._ending or not self._answer_all():
            return Wants.CLOSE
        if self.turned is not None:
            return Wants.TURN
        return Wants.WRITE if self._outgoing.waiting else self._converse()

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
            if self.turned is not None:
                return Wants.TURN
            # A record at a time: further ones are still in the socket, and epoll will say so.
            if self._outgoing.waiting or len(data) < READ_SIZE:
                return Wants.READ

    def _answer_all(self) -> bool:
        """Answer every whole message that has arrived, in order; False when the connection must end."""
        while True:
            answer = b""
            try:
                message = self._framer.next_message()
            except ProtocolError as error:
                if self._turn_to_http():
                    continue
                self._refuse(str(error))
                message = answer = unreadable(error)
                if self._http is None:
                    self._outgoing.send(answer)
                    return False
            if self._http is not None:
                self._outgoing.send(self._http.outgoing())
                if self._http.over:
                    return self._linger(self._http)
            if message is None:
                self._wait_for_rest()
                return True
            if time.monotonic() - self._checked > self._keeper.limits.recheck:
                self._check_identity()
            if self.principal is not None and not self._keeper.allowed(self.principal):
                log.warning("refused: %s: %s sends too fast", self.peer, self.principal.name)
                if self._http is None:
                    return False
                self._http.refuse(HTTPStatus.TOO_MANY_REQUESTS, "this client sends too fast")
                continue
            if not answer:
                request = self._keeper.watch.begin(message, self.peer, self._cut_off)
                answer = self._keeper.handler.answer(message, self.principal, self.peer, request.change, self._turn)
                if not self._keeper.watch.finish(request):
                    return False
            self._outgoing.send(answer if self._http is None else self._http.wrap(answer))
            self._become_idle()
            if self.principal is None:
                return False
            if not self._framer.pending or self._outgoing.waiting:
                return True

    def _turn(self, version: Version) -> bool:
        """Whether we can be the client; nothing may be on the way that was asked of the server."""
        if self._http is not None or self._framer.pending or self.principal is None or self.turned is not None:
            return False
        self.turned = self._keeper.turn(self.principal, version)
        return self.turned is not None

    def _cut_off(self, answer: bytes) -> None:
        """Called by another thread while our own is stuck in a request: the last answer, and the end.

        The socket stays open until our own thread is back and drops the connection.
        """
        try:
            self.sock.send(answer if self._http is None else self._http.wrap(answer))
            socket.socket.shutdown(self.sock, socket.SHUT_RDWR)  # of the plain socket: the TLS object stays as it is
        except OSError as error:
            log.debug("%s: left before it was given up: %s", self.peer, error)

    # HTTP (see `https`) ----------------------------------------------------------------------------------------

    def _turn_to_http(self) -> bool:
        """Whether what is no KMIP message begins like an HTTP request: a method, in capitals."""
        if not self._keeper.https or isinstance(self._framer, HTTPFramer):
            return False
        start = self._framer.held[:2]
        if not (start.isalpha() and start.isupper()):
            return False
        self._framer = self._http = HTTPFramer(self._keeper.message_limits, self._framer.held)
        return True

    def _linger(self, http: HTTPFramer) -> bool:
        """The end of HTTP on this connection; after a refusal the client gets some time to take it."""
        if http.refused and not self._lingers:
            self._refuse(http.refused)
            self.deadline, self.why_late = time.monotonic() + LINGER_SECONDS, ""
        self._lingers = bool(http.refused) and http.unread and time.monotonic() < self.deadline
        return self._lingers

    def _refuse(self, why: str) -> None:
        log.warning("refused: %s: %s", self.peer, why)
        self._keeper.refused()

    def expire(self) -> None:
        """The deadline has passed: say so to a client that understands it, if it listens at this moment."""
        if self._http is not None and self.why_late and not self._outgoing.waiting:
            self._http.refuse(HTTPStatus.REQUEST_TIMEOUT, self.why_late)
            with contextlib.suppress(OSError):
                self.sock.send(self._http.outgoing())

    def _become_idle(self) -> None:
        self.used = time.monotonic()
        self.deadline = self.used + self._keeper.limits.idle
        self.why_late = ""

    def _wait_for_rest(self) -> None:
        """Half a message has a clock of its own, which further bytes do not wind up again."""
        if self._framer.pending and not self.why_late:
            self.deadline = time.monotonic() + self._keeper.limits.request
            self.why_late = "a message was begun and not finished"
