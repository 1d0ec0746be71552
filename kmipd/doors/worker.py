"""One worker process: a selector thread that accepts and parks, a bounded pool of threads that work.

Idle and unfinished connections are in the selector and cost no thread, so neither a slow peer nor ten thousand silent
ones keep anybody waiting. Handshakes happen in the pool, step by step, never in the accept loop.
"""

from __future__ import annotations

import contextlib
import logging
import os
import selectors
import socket
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from weakref import WeakKeyDictionary

from kmipd.core.model import Principal
from kmipd.doors.connection import Connection, Doorkeeper, Wants
from kmipd.doors.kmip import MessageHandler
from kmipd.doors.limits import DoorLimits
from kmipd.doors.quotas import Quotas
from kmipd.protocol import Limits
from kmipd.trust import refusals

log = logging.getLogger(__name__)

_EVENTS = {Wants.READ: selectors.EVENT_READ, Wants.WRITE: selectors.EVENT_WRITE}
SWEEP_SECONDS = 1.0  # how often deadlines are looked at: the precision of all of them


class Worker:
    """`context` makes a fresh TLS context (it is called again to reload); `principal` maps a certificate."""

    def __init__(
        self,
        listener: socket.socket,
        handler: MessageHandler,
        *,
        context: Callable[[], ssl.SSLContext],
        principal: Callable[[bytes], Principal | None],
        limits: DoorLimits,
        message_limits: Limits,
    ) -> None:
        self._listener = listener
        self._make_context = context
        self._limits = limits
        self._quotas = Quotas(limits)
        self.refused = 0
        self._keeper = Doorkeeper(
            handler, principal, limits, message_limits, self._quotas.admit, self._quotas.allowed, self._count_refused
        )
        self._selector = selectors.DefaultSelector()
        self._pool = ThreadPoolExecutor(limits.threads, thread_name_prefix="request")
        self._connections: set[Connection] = set()
        self._returned: deque[tuple[Connection, Wants]] = deque()
        self._wake_read, self._wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._presented: WeakKeyDictionary[object, Connection] = WeakKeyDictionary()
        self._context = self._new_context()
        self._draining = False
        self._drain_until = 0.0
        self._busy = 0
        self._lock = threading.Lock()

    # From other threads and signal handlers --------------------------------------------------------------------

    def reload(self) -> None:
        """Take new certificates, authorities and CRLs for connections to come; raises and keeps the old ones if bad."""
        self._context = self._new_context()

    def stop(self) -> None:
        """Accept no more, finish what is at work, let clients become idle, then end `run`."""
        if not self._draining:
            self._draining = True
            self._drain_until = time.monotonic() + self._limits.drain
            self._wake()

    @property
    def status(self) -> Mapping[str, int]:
        return {"connections": len(self._connections), "busy": self._busy, "refused": self.refused}

    def _count_refused(self) -> None:
        with self._lock:
            self.refused += 1

    def _wake(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.write(self._wake_write, b"\0")

    # The loop ------------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Serve until `stop`."""
        self._listener.setblocking(False)
        self._selector.register(self._listener, selectors.EVENT_READ, None)
        self._selector.register(self._wake_read, selectors.EVENT_READ, None)
        listening = True
        next_sweep = 0.0
        while not (self._draining and self._drained()):
            for key, _ in self._selector.select(SWEEP_SECONDS):
                if key.fileobj is self._listener:
                    self._accept()
                elif key.fileobj == self._wake_read:
                    self._drink()
                else:
                    self._unpark(key.data)
            self._park_returned()
            if self._draining and listening:
                self._selector.unregister(self._listener)
                listening = False
            now = time.monotonic()
            if now >= next_sweep:
                next_sweep = now + SWEEP_SECONDS
                self._sweep(now)
        self._end()

    def _drained(self) -> bool:
        return (not self._connections and not self._busy) or time.monotonic() > self._drain_until

    def _end(self) -> None:
        self._pool.shutdown(wait=self._busy == 0, cancel_futures=True)
        for connection in list(self._connections):
            self._drop(connection)
        self._selector.close()
        os.close(self._wake_read)
        os.close(self._wake_write)

    def _drink(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while os.read(self._wake_read, 4096):
                pass

    def _accept(self) -> None:
        for _ in range(64):  # a burst at a time, so that parked connections get their turn
            try:
                raw, address = self._listener.accept()
            except BlockingIOError:
                return
            except OSError as error:  # out of descriptors: the rest of the queue waits, nothing is lost
                log.error("cannot accept connections: %s", error)
                time.sleep(0.1)
                return
            self._admit(raw, f"{address[0]}:{address[1]}")

    def _admit(self, raw: socket.socket, peer: str) -> None:
        if len(self._connections) >= self._limits.connections_max:
            log.warning("refused: %s: %s connections are open already", peer, len(self._connections))
            raw.close()
            return
        raw.setblocking(False)
        with contextlib.suppress(OSError):
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock = self._context.wrap_socket(raw, server_side=True, do_handshake_on_connect=False)
        connection = Connection(sock, peer, self._keeper)
        self._presented[sock] = connection
        self._connections.add(connection)
        self._park(connection, Wants.READ)

    # Parking -------------------------------------------------------------------------------------------------

    def _park(self, connection: Connection, wants: Wants) -> None:
        try:
            self._selector.register(connection.sock, _EVENTS[wants], connection)
        except (ValueError, OSError):
            self._drop(connection)

    def _unpark(self, connection: Connection) -> None:
        self._selector.unregister(connection.sock)
        with self._lock:
            self._busy += 1
        self._pool.submit(self._work, connection)

    def _work(self, connection: Connection) -> None:
        wants = Wants.CLOSE
        try:
            wants = connection.proceed(draining=self._draining)
        except Exception:
            log.exception("%s: the connection failed", connection.peer)
        finally:
            with self._lock:
                self._busy -= 1
            self._returned.append((connection, wants))
            self._wake()

    def _park_returned(self) -> None:
        while self._returned:
            connection, wants = self._returned.popleft()
            if wants is Wants.CLOSE:
                self._drop(connection)
            else:
                self._park(connection, wants)

    def _sweep(self, now: float) -> None:
        for key in list(self._selector.get_map().values()):
            connection = key.data
            if connection is None:
                continue
            if now > connection.deadline:
                if connection.why_late:
                    log.warning("refused: %s: %s", connection.peer, connection.why_late)
                    self._count_refused()
            elif not self._draining or now - connection.used < self._limits.drain_idle:
                continue
            self._selector.unregister(connection.sock)
            self._drop(connection)

    def _drop(self, connection: Connection) -> None:
        self._connections.discard(connection)
        if connection.admitted and connection.principal is not None:
            self._quotas.leave(connection.principal)
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
