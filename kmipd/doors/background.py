"""Work beside the requests of one worker: asynchronous messages, begun after a moment or when somebody polls."""

from __future__ import annotations

import heapq
import logging
import threading
import time
from collections.abc import Callable

from kmipd.core.errors import StoreError

log = logging.getLogger(__name__)

# In this time a request can be cancelled for certain. Clients that are in a hurry poll, which begins it at once.
START_DELAY_SECONDS = 1.0
# How often messages of workers that died are looked for. They are older than the delay.
SWEEP_SECONDS = 5.0
STEP_SECONDS = 0.01  # how often somebody who waits looks whether it is done
# The making of a long key pair in a slow HSM takes minutes, and is why a client asks for it in this way.
HUNG_SECONDS = 600.0
THREADS = 2  # as many as a worker has at least for its connections: asynchronous work must not push those aside


class BackgroundWork:
    """`perform` does one message and says whether it was still to do; `waiting` lists those nobody has begun."""

    def __init__(self, done: Callable[[bytes], bool]) -> None:
        self._done = done
        self._queue: list[tuple[float, str]] = []  # by the time at which to begin
        self._changed = threading.Condition()
        self._ending = False
        self._threads: list[threading.Thread] = []
        self._since: dict[int, float] = {}  # by thread: since when it has been at one message
        self._perform: Callable[[str], bool] = lambda _batch: False
        self._waiting: Callable[[], tuple[str, ...]] = tuple

    def start(self, perform: Callable[[str], bool], waiting: Callable[[], tuple[str, ...]]) -> None:
        self._perform, self._waiting = perform, waiting
        targets = [self._work] * THREADS + [self._sweep]
        self._threads = [threading.Thread(target=t, name="asynchronous", daemon=True) for t in targets]
        for thread in self._threads:
            thread.start()

    def stop(self, seconds: float) -> None:
        """Begin nothing more, and wait at most so long for what is at work."""
        with self._changed:
            self._ending = True
            self._changed.notify_all()
        until = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))

    def trouble(self) -> str:
        """Why this process should be replaced: no thread is left that could do anything. Empty when there is none."""
        since = list(self._since.values())
        if len(since) < THREADS or time.monotonic() - max(since) < HUNG_SECONDS:
            return ""
        return f"asynchronous requests hang in the key store, in all {THREADS} threads there are for them"

    def submitted(self, batch: str) -> None:
        self._put(batch, START_DELAY_SECONDS)

    def await_end(self, batch: str, seconds: float, correlation: bytes) -> None:
        self._put(batch, 0.0)
        until = time.monotonic() + seconds
        while not self._done(correlation) and time.monotonic() < until:
            time.sleep(STEP_SECONDS)

    def _put(self, batch: str, delay: float) -> None:
        with self._changed:
            heapq.heappush(self._queue, (time.monotonic() + delay, batch))
            self._changed.notify()

    def _next(self) -> str | None:
        with self._changed:
            while not self._ending:
                left = self._queue[0][0] - time.monotonic() if self._queue else SWEEP_SECONDS
                if self._queue and left <= 0:
                    return heapq.heappop(self._queue)[1]
                self._changed.wait(left)
        return None

    def _work(self) -> None:
        while (batch := self._next()) is not None:
            self._since[threading.get_ident()] = time.monotonic()
            try:
                self._perform(batch)
            except StoreError as error:
                log.warning("an asynchronous request waits for its key store: %s", error)
            except Exception:
                log.exception("an asynchronous request could not be done")
            finally:
                del self._since[threading.get_ident()]

    def _sweep(self) -> None:
        while not self._ending:
            with self._changed:
                self._changed.wait_for(lambda: self._ending, SWEEP_SECONDS)
            try:
                for batch in self._waiting():
                    self._put(batch, 0.0)
            except Exception as error:  # noqa: BLE001 - it will be tried again
                log.warning("asynchronous requests could not be looked for: %s", error)
