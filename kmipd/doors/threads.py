"""As many threads as there are slow calls: few when the token is fast, more when all of them are stuck in it.

Stuck is who waits, not who computes: threads that take turns at the interpreter lock only become slower by being more.
So one is added only while the process as a whole leaves most of a processor idle.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

STUCK_SECONDS = 0.005  # a request that takes longer is waiting for a token or a disk, not for the processor
BUSY_SHARE = 0.5  # of one processor: a process that takes more is computing, and more threads would not help it
RETIRE_SECONDS = 5.0  # a thread beyond the minimum that finds nothing to do for so long ends
BUSY_TICK, IDLE_TICK = 0.01, 0.1  # how often the number is looked at, while somebody works and while nobody does


class Threads:
    """Threads that repeat `take_one(wait seconds) -> did something`, between `minimum` and `maximum` of them."""

    def __init__(self, take_one: Callable[[float], bool], minimum: int, maximum: int) -> None:
        self._take_one = take_one
        self._minimum = minimum
        self._maximum = max(minimum, maximum)
        self._busy_since: dict[threading.Thread, float] = {}  # 0.0 while waiting
        self._stopping = False
        self._count = 0
        self._lock = threading.Lock()
        self._looked = (time.monotonic(), time.process_time())

    def __len__(self) -> int:
        return self._count

    def start(self) -> None:
        for _ in range(self._minimum):
            self._add()

    def stop(self) -> None:
        self._stopping = True

    def mark_busy(self) -> None:
        """The calling thread has found something to do."""
        self._busy_since[threading.current_thread()] = time.monotonic()

    def adjust(self, crowded: bool = False) -> float:
        """Start a thread if all of them are stuck, or if there is work that none may take; how soon to look again, in
        seconds."""
        before, self._looked = self._looked, (time.monotonic(), time.process_time())
        computing = self._looked[1] - before[1] > BUSY_SHARE * (self._looked[0] - before[0])
        if crowded and self._count < self._maximum:
            self._add()
        since = list(self._busy_since.values())
        busy = [s for s in since if s]
        if not busy:
            return IDLE_TICK
        stuck = len(busy) == len(since) and self._looked[0] - max(busy) > STUCK_SECONDS
        if stuck and not computing and self._count < self._maximum:
            self._add()
        return BUSY_TICK

    def _add(self) -> None:
        thread = threading.Thread(target=self._run, name=f"request-{self._count}", daemon=True)
        self._busy_since[thread] = 0.0
        with self._lock:
            self._count += 1
        thread.start()

    def _run(self) -> None:
        me = threading.current_thread()
        last = time.monotonic()
        while not self._stopping:
            self._busy_since[me] = 0.0
            if self._take_one(RETIRE_SECONDS):
                last = time.monotonic()
            elif time.monotonic() - last >= RETIRE_SECONDS and self._may_retire():
                break
        del self._busy_since[me]

    def _may_retire(self) -> bool:
        with self._lock:
            if self._count <= self._minimum:
                return False
            self._count -= 1
            return True
