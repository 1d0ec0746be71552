"""The thread that tries again while a key store is down: it recovers without a request and without a restart."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from typing import Final

from kmipd_pkcs11.errors import CLEAN

CLEAN_CODES: Final = frozenset(int(code) for code in CLEAN)
_JITTER: Final = 0.25  # workers that fail together shall not come back together
_JOIN: Final = 2.0  # seconds that closing waits for an attempt under way


class Healer:
    """Calls `attempt` after pauses that double from `first` to `maximum` seconds, until it returns True."""

    def __init__(self, store: str, first: float, maximum: float, attempt: Callable[[], bool]) -> None:
        self._store = store
        self._first = first
        self._maximum = maximum
        self._attempt = attempt
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin, unless it is under way or was stopped."""
        if self._stop.is_set() or (self._thread is not None and self._thread.is_alive()):
            return
        name = f"kmipd-heal-{self._store}"
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End it for good."""
        self._stop.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(_JOIN)

    def _run(self) -> None:
        pause = self._first
        while not self._stop.wait(pause * random.uniform(1 - _JITTER, 1 + _JITTER)):  # noqa: S311 - no secret
            if self._attempt():
                return
            pause = min(pause * 2, self._maximum)
