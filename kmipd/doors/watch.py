"""Requests that take too long: answered by somebody else, and their threads counted.

A call that hangs in a vendor's library cannot be ended. Its thread is lost for as long as it hangs, and with it the
sessions and locks it holds; but the client need not wait for it. The thread that looks after deadlines answers in its
place, with the reason, and ends the connection. A thread that does not come back is counted: with too many of them the
worker process asks to be replaced, which is the only way to get everything back.

What was asked for must not happen after the client was told that it failed. So a request passes a point of no return
before it writes (`Request.change`), and either it passes first or it is given up first, never both.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from enum import Enum

from kmipd.core.errors import KmipError
from kmipd.doors.limits import DoorLimits
from kmipd.spec.enumerations import ResultReason

log = logging.getLogger(__name__)


class _Progress(Enum):
    UNCHANGED = "nothing was written yet"
    CHANGED = "something is written, or about to be"
    ANSWERED = "its own thread answers"
    GIVEN_UP = "it was answered by us"


class Request:
    """One message that a thread is at work on. `cut_off(answer)` sends its last words and ends the connection."""

    __slots__ = ("_lock", "_progress", "begun", "cut_off", "data", "peer")

    def __init__(self, data: bytes, peer: str, cut_off: Callable[[bytes], None]) -> None:
        self.data = data
        self.peer = peer
        self.cut_off = cut_off
        self.begun = time.monotonic()
        self._lock = threading.Lock()
        self._progress = _Progress.UNCHANGED

    def change(self) -> None:
        """The point of no return. KmipError when the client was told already that nothing comes of it."""
        with self._lock:
            if self._progress is _Progress.GIVEN_UP:
                raise KmipError(ResultReason.GENERAL_FAILURE, "the request was given up: it took too long")
            self._progress = _Progress.CHANGED

    def finish(self) -> bool:
        """True when the thread itself is to answer."""
        with self._lock:
            if self._progress is _Progress.GIVEN_UP:
                return False
            self._progress = _Progress.ANSWERED
            return True

    def give_up(self) -> bool | None:
        """Whether something may have been changed; None when it is too late to give it up."""
        with self._lock:
            if self._progress in (_Progress.ANSWERED, _Progress.GIVEN_UP):
                return None
            changed = self._progress is _Progress.CHANGED
            self._progress = _Progress.GIVEN_UP
            return changed


class Watch:
    """All requests that are at work. `late(data, changed)` makes the answer to one that is given up."""

    def __init__(self, limits: DoorLimits, late: Callable[[bytes, bool], bytes]) -> None:
        self._limits = limits
        self._late = late
        self._at_work: set[Request] = set()  # adding and discarding are atomic

    def begin(self, data: bytes, peer: str, cut_off: Callable[[bytes], None]) -> Request:
        request = Request(data, peer, cut_off)
        self._at_work.add(request)
        return request

    def finish(self, request: Request) -> bool:
        """The thread is back; True when it is to answer."""
        self._at_work.discard(request)
        return request.finish()

    def look(self, now: float) -> None:
        """Answer the requests that are overdue at `now` (of the monotonic clock)."""
        for request in list(self._at_work):
            if now - request.begun < self._limits.answer:
                continue
            changed = request.give_up()
            if changed is None:
                continue
            log.error("%s: no result after %.0f s, the request was given up", request.peer, now - request.begun)
            request.cut_off(self._late(request.data, changed))

    def hung(self, now: float) -> int:
        """Threads that have not come back though their requests were given up long ago.

        Twice the time for an answer: whoever merely waits for a lock that a hung call holds is back by then.
        """
        return sum(now - request.begun >= 2 * self._limits.answer for request in list(self._at_work))

    def busy(self, now: float) -> bool:
        """Whether a request is at work that is not overdue: worth waiting for before the process ends."""
        return any(now - request.begun < self._limits.answer for request in list(self._at_work))
