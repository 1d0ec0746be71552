"""The pauses of the cluster's background threads, and their end."""

from __future__ import annotations

import threading
from collections.abc import Callable

from kmipd.cluster.chore import Chore


class Pauses(threading.Event):
    """Notes how long a thread would wait, and does not. Faked on purpose: time is somebody else's."""

    def __init__(self, woken: list[bool], end: Callable[[], None]) -> None:
        super().__init__()
        self.woken, self.end = woken, end
        self.seen: list[float | None] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.seen.append(timeout)
        if not self.woken:
            self.end()
            return True
        return self.woken.pop(0)


class Given(Chore):
    """Work with given ends: done, not done, or an error."""

    def __init__(self, *ends: bool | None, woken: list[bool]) -> None:
        super().__init__("test", rest=60.0, first=1.0, longest=3.0)
        self.ends = list(ends)
        self.pauses = self._wake = Pauses(woken, self._end)

    def work(self) -> bool:
        end = self.ends.pop(0)
        if end is None:
            raise OSError("the work failed")
        return end

    def _end(self) -> None:
        self._stopping = True

    def ended(self) -> list[float | None]:
        self.start()
        self._thread.join(10)
        assert not self._thread.is_alive()
        return self.pauses.seen


def test_pauses_grow_until_it_is_done_or_woken() -> None:
    failing = Given(False, None, False, False, True, False, False, woken=[False, False, False, True, False, True])
    assert failing.ended() == [1.0, 2.0, 3.0, 3.0, 60.0, 1.0, 1.0]


def test_a_stop_just_before_the_next_round_is_not_missed() -> None:
    chore = Given(woken=[])
    clear = chore.pauses.clear

    def late() -> None:
        chore._stopping = True
        chore.pauses.set()
        clear()

    chore.pauses.clear = late  # type: ignore[method-assign]
    assert chore.ended() == []
