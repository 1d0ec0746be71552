"""Calls into a module are readers of this gate, re-initialising it is the one writer.

C_Finalize while another thread is inside the module is a segmentation fault (seen 3 of 3 times on SoftHSM2), and after
a new login an old object handle may name another key. Both are excluded by the same gate: nothing is in flight while
the module or the login changes. A waiting writer keeps new readers out, so that load cannot starve it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager


class GateClosed(Exception):
    """The gate did not open in time."""


class Gate:
    """A reader/writer gate; entering and leaving as a reader costs well under a microsecond each.

    Not re-entrant: who is inside must not enter again.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()  # readers take it bare: a Condition's own `with` costs three times as much
        self._changed = threading.Condition(self._lock)
        self._readers = 0
        self._writer = False

    @property
    def inside(self) -> int:
        """How many calls are in flight."""
        return self._readers

    def enter(self, timeout: float) -> None:
        """Begin a call; GateClosed when a writer holds the gate for longer than `timeout` seconds."""
        with self._lock:
            if self._writer and not self._changed.wait_for(lambda: not self._writer, timeout):
                raise GateClosed(f"the module has been re-initialising for more than {timeout:g} s")
            self._readers += 1

    def leave(self) -> None:
        """End a call."""
        with self._lock:
            self._readers -= 1
            if self._writer and not self._readers:
                self._changed.notify_all()

    @contextmanager
    def exclusive(self, timeout: float) -> Iterator[None]:
        """Keep new calls out and wait for those in flight; GateClosed when they do not end within `timeout` s.

        A call that hangs inside a module cannot be cancelled; then nothing is re-initialised, and the caller says so.
        """
        deadline = time.monotonic() + timeout
        with self._changed:
            if not self._changed.wait_for(lambda: not self._writer, timeout):
                raise GateClosed(f"another re-initialisation has run for more than {timeout:g} s")
            self._writer = True
            if not self._changed.wait_for(lambda: not self._readers, deadline - time.monotonic()):
                self._open()
                raise GateClosed(f"{self._readers} call(s) have hung in the module for more than {timeout:g} s")
        try:
            yield
        finally:
            with self._changed:
                self._open()

    def _open(self) -> None:
        self._writer = False
        self._changed.notify_all()
