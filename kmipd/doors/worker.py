"""One worker process: a few threads that wait in one epoll, for whichever connection has something to say.

Idle and unfinished connections cost no thread, so neither a slow peer nor ten thousand silent ones keep anybody
waiting. A thread takes one ready connection (EPOLLONESHOT), does what can be done, arms it again and waits for the
next: nothing is handed from thread to thread. Two threads are enough for a fast token, and more would only contend for
the interpreter lock; when all are stuck in calls of a slow one, more are started, up to the limit.
"""

from __future__ import annotations

import contextlib
import logging
import select
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from weakref import WeakKeyDictionary

from kmipd.core.model import Principal
from kmipd.core.notifications import Outbox
from kmipd.doors.channel import Channels
from kmipd.doors.connection import Connection, Doorkeeper
from kmipd.doors.kmip import MessageHandler, late
from kmipd.doors.lanes import Lanes
from kmipd.doors.limits import DoorLimits
from kmipd.doors.outgoing import Wants
from kmipd.doors.quotas import Quotas
from kmipd.doors.surroundings import ALONE, Surroundings
from kmipd.doors.threads import Threads
from kmipd.doors.watch import Watch
from kmipd.protocol import Limits
from kmipd.spec.versions import Version
from kmipd.trust import refusals

log = logging.getLogger(__name__)

_READABLE = select.EPOLLIN | select.EPOLLONESHOT
_WRITABLE = select.EPOLLOUT | select.EPOLLONESHOT
SWEEP_SECONDS = 1.0  # how often deadlines are looked at: the precision of all of them
LAST_SECONDS = 2.0  # what still works in a worker that hangs has so long to finish
ACCEPT_BURST = 64  # connections taken at once, so that the ones that are open get their turn


class Worker:
    """`context` makes a fresh TLS context (it is called again to reload); `principal` maps a certificate."""

    def __init__(
        self,
        listeners: Sequence[socket.socket],
        handler: MessageHandler,
        *,
        context: Callable[[], ssl.SSLContext],
        principal: Callable[[bytes], Principal | None],
        limits: DoorLimits,
        message_limits: Limits,
        https: bool = True,
        channels: Channels | None = None,
        surroundings: Surroundings = ALONE,
    ) -> None:
        self._listeners = {listener.fileno(): listener for listener in listeners}
        self._make_context = context
        self._limits = limits
        self._quotas = Quotas(limits)
        self.refused = 0
        self.hung = ""  # why this process must be replaced, once it must
        self._channels = channels
        self._surroundings = surroundings
        self._lanes: Lanes[Connection] = Lanes()
        self._watch = Watch(limits, late)
        self._keeper = Doorkeeper(
            handler,
            self._watch,
            principal,
            limits,
            message_limits,
            self._quotas.admit,
            self._quotas.allowed,
            self._count_refused,
            https,
            self._open_channel,
        )
        self._epoll = select.epoll()
        self._connections: dict[int, Connection] = {}
        self._presented: WeakKeyDictionary[object, Connection] = WeakKeyDictionary()
        self._lock = threading.Lock()  # of the table of connections, and of who is at work on one
        self._context = self._new_context()
        self._draining = False
        self._drain_until = 0.0
        self._threads = Threads(self._take_one, limits.threads_min, limits.threads_max)

    # From other threads and signal handlers --------------------------------------------------------------------

    def reload(self) -> None:
        """Take new certificates, authorities and CRLs for connections to come; raises and keeps the old ones if bad."""
        self._context = self._new_context()

    def stop(self) -> None:
        """Accept no more, finish what is at work, let clients become idle, then end `run`."""
        if not self._draining:
            self._drain_until = time.monotonic() + self._limits.drain
            self._draining = True

    @property
    def status(self) -> Mapping[str, int]:
        return {
            "connections": len(self._connections),
            "threads": len(self._threads),
            "hung": self._watch.hung(time.monotonic()),
            "refused": self.refused,
        }

    def _count_refused(self) -> None:
        with self._lock:
            self.refused += 1

    # The life of a worker ----------------------------------------------------------------------------------------

    def run(self) -> None:
        """Serve until `stop`. The calling thread looks after deadlines and after the number of threads."""
        for listener in self._listeners.values():
            listener.setblocking(False)
            self._epoll.register(listener, _READABLE)
        self._threads.start()
        listening = True
        next_sweep = 0.0
        while not self._over():
            time.sleep(self._threads.adjust(self._lanes.crowded))
            self._resume()
            if (self._draining or self.hung) and listening:
                for listener in self._listeners.values():
                    self._epoll.unregister(listener)
                listening = False
            now = time.monotonic()
            if now >= next_sweep or self._draining:
                next_sweep = now + SWEEP_SECONDS
                self._sweep(now)
                self._watch.look(now)
                self._diagnose(now)
                self._surroundings.beat()
        self._threads.stop()
        for connection in list(self._connections.values()):
            self._drop(connection)
        self._epoll.close()

    def _over(self) -> bool:
        now = time.monotonic()
        left = self._watch.busy(now) if self.hung else self._connections
        return bool(self.hung or self._draining) and (not left or now > self._drain_until)

    def _diagnose(self, now: float) -> None:
        """Whether too much of this process hangs for it to be of use. What still works may finish."""
        lost = self._watch.hung(now)
        hangs = f"{lost} threads hang in the key store" if lost >= self._limits.hung_max else ""
        reason = hangs or self._surroundings.trouble()
        if reason and not self.hung:
            self.hung = reason
            self._drain_until = now + LAST_SECONDS
            log.error("this worker must be replaced: %s", reason)

    def _sweep(self, now: float) -> None:
        for connection in list(self._connections.values()):
            late = now > connection.deadline
            reading = connection.wants is Wants.READ
            idle = self._draining and reading and now - connection.used > self._limits.drain_idle
            if not (late or idle):
                continue
            with self._lock:
                if connection.at_work:
                    continue
                connection.at_work = True  # nobody takes it any more
            if late and connection.why_late:
                log.warning("refused: %s: %s", connection.peer, connection.why_late)
                self._count_refused()
                connection.expire()
            self._drop(connection)

    # What a thread does ------------------------------------------------------------------------------------------

    def _take_one(self, wait: float) -> bool:
        """Wait for one ready connection and serve it; False when there was none."""
        try:
            events = self._epoll.poll(wait, 1)
        except ValueError:  # closed: the worker is ending
            return False
        if not events:
            return False
        fd = events[0][0]
        if fd in self._listeners:
            self._accept(self._listeners[fd])
            return True
        with self._lock:
            connection = self._connections.get(fd)
            if connection is None or connection.at_work:
                return True
            connection.at_work = True
        who = connection.principal
        lane = "" if who is None else self._surroundings.lane(who)
        if lane and not self._lanes.enter(lane, len(self._threads), connection):
            return True
        self._threads.mark_busy()
        begun = time.monotonic()
        try:
            wants = connection.proceed()
        except Exception:
            log.exception("%s: the connection failed", connection.peer)
            wants = Wants.CLOSE
        if lane:
            self._lanes.leave(lane, time.monotonic() - begun)
            self._resume()
        if wants is Wants.CLOSE:
            self._drop(connection)
        elif wants is Wants.TURN and self._channels is not None:
            self._channels.serve(connection, lambda: self._draining or bool(self.hung), self._drop)
        else:
            connection.at_work = False
            self._arm(fd, wants)
        return True

    def _resume(self) -> None:
        """Let a connection that was set aside try again: epoll still knows that it has something to say."""
        if self._lanes.crowded and (connection := self._lanes.next(len(self._threads))) is not None:
            connection.at_work = False
            self._arm(connection.sock.fileno(), connection.wants)

    def _open_channel(self, principal: Principal, version: Version) -> Outbox | None:
        return None if self._channels is None else self._channels.open(principal, version)

    def _arm(self, fd: int, wants: Wants) -> None:
        try:
            self._epoll.modify(fd, _READABLE if wants is Wants.READ else _WRITABLE)
        except (OSError, ValueError):  # the sweeper was faster
            return

    def _accept(self, listener: socket.socket) -> None:
        for _ in range(ACCEPT_BURST):
            try:
                raw, address = listener.accept()
            except BlockingIOError:
                break
            except OSError as error:  # out of descriptors: the rest of the queue waits, nothing is lost
                log.error("cannot accept connections: %s", error)
                time.sleep(0.1)
                break
            try:
                self._admit(raw, f"{address[0]}:{address[1]}")
            except Exception:  # whatever happens to one, the listener is armed again
                log.exception("%s: could not be taken", address[0])
                raw.close()
        if not self._draining:
            self._arm(listener.fileno(), Wants.READ)

    def _admit(self, raw: socket.socket, peer: str) -> None:
        if len(self._connections) >= self._limits.connections_max:
            log.warning("refused: %s: %s connections are open already", peer, len(self._connections))
            self._count_refused()
            raw.close()
            return
        raw.setblocking(False)
        try:
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock = self._context.wrap_socket(raw, server_side=True, do_handshake_on_connect=False)
        except OSError as error:  # gone already
            log.debug("%s: left at once: %s", peer, error)
            raw.close()
            return
        connection = Connection(sock, peer, self._keeper)
        self._presented[sock] = connection
        with self._lock:
            self._connections[sock.fileno()] = connection
        try:
            self._epoll.register(sock, select.EPOLLIN | select.EPOLLONESHOT)
        except (OSError, ValueError) as error:  # no more watches (epoll(7), max_user_watches)
            log.error("%s: cannot be watched: %s", peer, error)
            self._drop(connection)

    def _drop(self, connection: Connection) -> None:
        fd = connection.sock.fileno()
        with self._lock:
            self._connections.pop(fd, None)
        with contextlib.suppress(OSError, ValueError):
            self._epoll.unregister(fd)
        if connection.admitted is not None:
            self._quotas.leave(connection.admitted)
        if connection.turned is not None and self._channels is not None:
            self._channels.release()
        connection.close()

    # TLS -----------------------------------------------------------------------------------------------------

    def _new_context(self) -> ssl.SSLContext:
        context = self._make_context()
        refusals.observe(context, self._see_certificate)
        return context

    def _see_certificate(self, sock: object, leaf: bytes) -> None:
        connection = self._presented.get(sock)
        if connection is not None:
            connection.presented = leaf
