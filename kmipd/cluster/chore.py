"""A thread that works when it is woken, and again by itself when something was in the way or time has passed."""

from __future__ import annotations

import logging
import threading
from abc import ABC, abstractmethod

log = logging.getLogger(__name__)


class Chore(ABC):
    """After work that is done it rests: `rest` seconds, or until it is woken. After work that is not, it waits for
    `first` seconds, then twice as long each time, at the most `longest`; being woken begins anew.
    """

    def __init__(self, name: str, *, rest: float | None, first: float, longest: float) -> None:
        self._rest, self._first, self._longest = rest, first, longest
        self._wake = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    @abstractmethod
    def work(self) -> bool:
        """Everything that can be done now; False when something waits."""

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        """There is something to do."""
        self._wake.set()

    def stop(self) -> None:
        """After the work that it is at."""
        self._stopping = True
        self._wake.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        delay = self._first
        while True:
            self._wake.clear()
            if self._stopping:  # looked at after the event is cleared, or a stop just before that would be missed
                return
            try:
                done = self.work()
            except Exception:
                log.exception("the %s failed; it tries again", self._thread.name)
                done = False
            woken = self._wake.wait(self._rest if done else delay)
            delay = self._first if done or woken else min(delay * 2, self._longest)
