"""A key store that is slow must not keep the clients of another one waiting.

Every client has a lane: the key store that its keys are in. While a worker serves several of them, a lane whose
requests are slow may hold all threads but one; what else it asks for is set aside until one of its requests is done, or
until there is another thread. Lanes that are fast, and workers with one lane, are not limited at all.
"""

from __future__ import annotations

import threading
from collections import Counter, deque
from typing import Final, Generic, TypeVar

SLOW_SECONDS: Final = 0.003  # a request that takes longer on average waits for a token, not for the processor
_WEIGHT: Final = 0.05  # of the latest request in the average: some twenty of them decide
T = TypeVar("T")


class Lanes(Generic[T]):
    """What is at work in each lane, and what is set aside."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pace: dict[str, float] = {}  # average seconds of a request
        self._busy: Counter[str] = Counter()
        self._aside: dict[str, deque[T]] = {}

    @property
    def crowded(self) -> bool:
        """Whether something is set aside."""
        return bool(self._aside)

    def enter(self, lane: str, threads: int, item: T) -> bool:
        """Begin; False when `item` was set aside instead, because the lane has as many of the threads as it may."""
        with self._lock:
            if not self._room(lane, threads):
                self._aside.setdefault(lane, deque()).append(item)
                return False
            self._busy[lane] += 1
            return True

    def leave(self, lane: str, seconds: float) -> None:
        """A request of this lane is done, and took so long."""
        with self._lock:
            self._busy[lane] -= 1
            self._pace[lane] = self._pace.get(lane, seconds) * (1 - _WEIGHT) + seconds * _WEIGHT

    def next(self, threads: int) -> T | None:
        """Something that was set aside and may try again now."""
        with self._lock:
            for lane, waiting in self._aside.items():
                if self._room(lane, threads):
                    item = waiting.popleft()
                    if not waiting:
                        del self._aside[lane]
                    return item
        return None

    def _room(self, lane: str, threads: int) -> bool:
        slow = len(self._pace) > 1 and self._pace.get(lane, 0.0) > SLOW_SECONDS
        return not slow or self._busy[lane] < max(1, threads - 1)
