"""The supervisor: holds the listening sockets, starts the workers, replaces the ones that die, passes signals on.

It opens no token and answers no client, so there is little that could bring it down. Workers are separate programs,
not forks: a vendor library that crashes takes one of them with it and nothing else, and PKCS#11 is never initialised
before a fork. Each worker watches a pipe from here and ends when the supervisor is gone; through another one it says
that it is ready and, about every second, that it is alive. One that falls silent is killed and replaced. systemd's
watchdog (sd_watchdog_enabled(3)) is told of this loop, which is all that is left to watch.
"""

from __future__ import annotations

import contextlib
import logging
import os
import selectors
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from kmipd.doors import systemd

log = logging.getLogger(__name__)

BACKLOG = 1024  # connections that wait while workers are replaced; storage gateways must never meet a refusal
BIND_SECONDS = 5.0  # after a crash the old workers may hold the port for a moment
_READY = b"R"
# A worker that dies young is started again ever later, so that a broken token does not become a fork storm.
_RESTART_FIRST, _RESTART_MAX = 0.2, 10.0
_STABLE_SECONDS = 30.0
START_SECONDS = 120.0  # a worker that is not ready by then hangs: it waits for its token for some seconds only
_TICK = 0.5
_PAUSED_SECONDS = 5.0  # after a gap in our own loop the machine has slept, and nobody's silence means anything


class PortInUse(Exception):
    """The address cannot be listened on. Says which and why."""


@dataclass(slots=True)
class _Slot:
    index: int
    process: subprocess.Popen[bytes] | None = None
    ready_fd: int = -1
    ready: bool = False
    started: float = 0.0
    restart_at: float = 0.0
    delay: float = _RESTART_FIRST
    heard: float = 0.0  # when it last gave a sign of life


def listen(host: str, port: int) -> socket.socket:
    """Bind and listen, IPv6 and IPv4 alike."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    until = time.monotonic() + BIND_SECONDS
    while True:
        try:
            sock.bind((host, port))
            sock.listen(BACKLOG)
        except OSError as error:
            if time.monotonic() < until and error.errno == 98:
                time.sleep(0.1)
                continue
            sock.close()
            raise PortInUse(f"cannot listen on {host}:{port}: {error.strerror}") from None
        return sock


class Supervisor:
    """`command(index, listener_fds, lifeline_fd, ready_fd)` is the program of a worker."""

    def __init__(
        self,
        listeners: Sequence[socket.socket],
        workers: int,
        command: Callable[[int, Sequence[int], int, int], Sequence[str]],
        held: tuple[int, ...] = (),
        silence: float = 20.0,
    ) -> None:
        self._silence = silence  # seconds that a worker may give no sign of life
        self._watchdog = systemd.watchdog_seconds()
        self._looked = 0.0
        self._notified = 0.0
        self._held = held  # descriptors that every worker keeps open as well
        self._listeners = listeners
        self._command = command
        self._slots = [_Slot(i) for i in range(workers)]
        self._lifeline_read, self._lifeline_write = os.pipe2(os.O_CLOEXEC)
        self._signal_read, self._signal_write = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self._stopping = False
        self._announced = False

    def run(self, ready: Callable[[], None]) -> int:
        """Until SIGTERM or SIGINT; calls `ready` once when every worker serves. Returns the exit code."""
        self._catch_signals()
        with selectors.DefaultSelector() as selector:
            selector.register(self._signal_read, selectors.EVENT_READ)
            for slot in self._slots:
                self._start(slot, selector)
            while not self._over():
                for key, _ in selector.select(_TICK):
                    if key.fileobj == self._signal_read:
                        self._on_signals()
                    else:
                        self._on_sign(key.data, selector)
                self._look_after()
                self._reap(selector)
                if not self._announced and all(s.ready for s in self._slots):
                    self._announced = True
                    ready()
                    systemd.notify("READY=1", "STATUS=serving")
        return 0

    def _over(self) -> bool:
        return self._stopping and all(s.process is None for s in self._slots)

    def _catch_signals(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
            signal.signal(number, lambda *_: None)
        signal.set_wakeup_fd(self._signal_write, warn_on_full_buffer=False)

    def _on_signals(self) -> None:
        with contextlib.suppress(BlockingIOError):
            for number in os.read(self._signal_read, 64):
                if number in (signal.SIGTERM, signal.SIGINT):
                    self._stop()
                elif number == signal.SIGHUP:
                    systemd.notify("STATUS=reloading")
                    self._tell(signal.SIGHUP)
                    systemd.notify("STATUS=serving")

    def _stop(self) -> None:
        if not self._stopping:
            self._stopping = True
            systemd.notify("STOPPING=1")
            log.info("stopping: open requests are finished first")
            self._tell(signal.SIGTERM)

    def _tell(self, number: signal.Signals) -> None:
        for slot in self._slots:
            if slot.process is not None:
                slot.process.send_signal(number)

    def _start(self, slot: _Slot, selector: selectors.BaseSelector) -> None:
        ready_read, ready_write = os.pipe2(os.O_CLOEXEC)
        listening = [listener.fileno() for listener in self._listeners]
        fds = (self._lifeline_read, ready_write)
        slot.process = subprocess.Popen(  # our own program, its arguments are ours
            self._command(slot.index, listening, *fds),
            pass_fds=(*listening, *fds, *self._held),
            stdin=subprocess.DEVNULL,
        )
        os.close(ready_write)
        slot.ready_fd, slot.ready = ready_read, False
        slot.started = slot.heard = time.monotonic()
        selector.register(ready_read, selectors.EVENT_READ, slot)

    def _on_sign(self, slot: _Slot, selector: selectors.BaseSelector) -> None:
        said = os.read(slot.ready_fd, 64)
        if not said:
            self._forget_ready(slot, selector)
            return
        slot.ready = slot.ready or said.startswith(_READY)
        slot.heard = time.monotonic()

    def _look_after(self) -> None:
        """Kill what has fallen silent, and tell systemd that this loop turns."""
        now = time.monotonic()
        paused = now - self._looked > _PAUSED_SECONDS
        self._looked = now
        for slot in self._slots:
            if paused:
                slot.heard = now
            limit = self._silence if slot.ready else START_SECONDS
            if slot.process is not None and now - slot.heard > limit:
                log.error("worker %s has not been heard of for %.0f s: it is killed", slot.index, now - slot.heard)
                slot.process.kill()
                slot.heard = now
        if self._watchdog is not None and now - self._notified >= self._watchdog:
            self._notified = now
            systemd.notify("WATCHDOG=1")

    @staticmethod
    def _forget_ready(slot: _Slot, selector: selectors.BaseSelector) -> None:
        if slot.ready_fd >= 0:
            selector.unregister(slot.ready_fd)
            os.close(slot.ready_fd)
            slot.ready_fd = -1

    def _reap(self, selector: selectors.BaseSelector) -> None:
        now = time.monotonic()
        for slot in self._slots:
            if slot.process is not None and slot.process.poll() is not None:
                code = slot.process.returncode
                slot.process, slot.ready = None, False
                self._forget_ready(slot, selector)
                if self._stopping:
                    continue
                slot.delay = _RESTART_FIRST if now - slot.started > _STABLE_SECONDS else slot.delay * 2
                slot.delay = min(slot.delay, _RESTART_MAX)
                slot.restart_at = now + slot.delay
                log.error("worker %s ended with %s; a new one starts in %.1f s", slot.index, code, slot.delay)
            elif slot.process is None and not self._stopping and now >= slot.restart_at:
                self._start(slot, selector)

    def close(self) -> None:
        for fd in (self._lifeline_read, self._lifeline_write, self._signal_read, self._signal_write):
            os.close(fd)
        for listener in self._listeners:
            listener.close()
