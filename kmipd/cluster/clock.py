"""Time: when it is, how Element writes it, and how much of it is left."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]


def now() -> datetime:
    """The present, in UTC."""
    return datetime.now(UTC)


def stamp(moment: datetime) -> str:
    """ISO 8601 in UTC to the second, as Element writes the times of keys and results."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def precise(moment: datetime) -> str:
    """ISO 8601 in UTC with microseconds, as Element writes the times of faults and events."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class Deadline:
    """A budget of seconds that several steps share."""

    __slots__ = ("_end", "seconds")

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._end = time.monotonic() + seconds

    @property
    def left(self) -> float:
        """Seconds left; zero when the budget is spent."""
        return max(0.0, self._end - time.monotonic())

    @property
    def spent(self) -> bool:
        return self.left <= 0.0

    def part(self, seconds: float) -> Deadline:
        """A budget of its own inside this one."""
        return Deadline(min(seconds, self.left))
