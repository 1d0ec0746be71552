"""What is done about a key store that is down: a thread tries again, without a request and without a restart; the log
is told once; and when calls hang in the module, so that nothing in this process can help, that is said too."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from kmipd_pkcs11.states import State

if TYPE_CHECKING:
    from kmipd_pkcs11.connection import Connection

log = logging.getLogger(__name__)

_JITTER: Final = 0.25  # workers that fail together shall not come back together
HANG_SECONDS: Final = 15.0  # a call that is merely slow, such as the making of an RSA-4096 pair, ends within that
RECOVERY_SECONDS: Final = 60.0  # a module that looks for a missing cluster member may take that long to initialise
_JOIN: Final = 2.0  # seconds that closing waits for an attempt under way


class Healer:
    """Calls `attempt` after pauses that double from `first` to `maximum` seconds, until it returns True."""

    def __init__(self, store: str, first: float, maximum: float, attempt: Callable[[], bool]) -> None:
        self._store = store
        self._first = first
        self._maximum = maximum
        self._attempt = attempt
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None  # while there is something to do
        self._again = False  # asked for since the last attempt began

    def start(self) -> None:
        """Begin, unless it is under way or was stopped. One that is just about to end goes on."""
        with self._lock:
            self._again = True
            if self._stop.is_set() or (self._thread is not None and self._thread.is_alive()):
                return
            name = f"kmipd-heal-{self._store}"
            self._thread = threading.Thread(target=self._run, name=name, daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """End it for good."""
        self._stop.set()
        with self._lock:
            thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(_JOIN)

    def _run(self) -> None:
        pause = self._first
        while not self._stop.wait(pause * random.uniform(1 - _JITTER, 1 + _JITTER)):  # noqa: S311 - no secret
            with self._lock:
                self._again = False
            pause = min(pause * 2, self._maximum)
            if self._attempt():
                with self._lock:
                    if not self._again:
                        self._thread = None
                        return
                pause = self._first


class Report:
    """Tells the log what becomes of a key store: each thing once, and at the end what it cost."""

    def __init__(self, store: str) -> None:
        self._store = store
        self._said = ""
        self._since = 0.0  # when it was last well; 0.0 while it is
        self.refused = 0  # calls that failed at once because it was down

    def down_for(self, now: float) -> float:
        """How long it has not been well at `now` (of the monotonic clock), in seconds; 0.0 while it is."""
        return now - self._since if self._since else 0.0

    def state(self, state: State, reason: str) -> None:
        """It came into this state."""
        if state is State.UP and self._since:
            seconds = time.monotonic() - self._since
            text = "key store %r is well again after %.1f s; %s calls were refused meanwhile"
            log.warning(text, self._store, seconds, self.refused)
            self._said, self._since, self.refused = "", 0.0, 0
        elif state in (State.SUSPECT, State.DOWN) and reason != self._said:
            self._said, self._since = reason, self._since or time.monotonic()
            if state is State.DOWN:
                log.error("down: %s", reason)
            else:
                log.warning("reconnecting: %s", reason)


def stuck(connection: Connection) -> str:
    """Why nothing in this process can help any more, in a sentence; empty when something still may."""
    name, now = connection.settings.name, time.monotonic()
    if connection.hangs and connection.report.down_for(now) > HANG_SECONDS:
        return connection.hangs
    if connection.state is State.RECOVERING and now - connection.since > RECOVERY_SECONDS:
        return f"key store {name!r} has been reconnecting for more than {RECOVERY_SECONDS:g} s"
    patience = connection.facts.replace_worker_after
    if patience and connection.report.down_for(now) > patience:
        return f"{connection.reason}; its library recovers in a new process only"
    held = connection.lock.held_for(now)
    if held > connection.settings.token_lock_wait:
        return f"key store {name!r}: a change of the token has hung for {held:.0f} s"
    return ""
