"""More threads are for waiting, not for computing."""

from __future__ import annotations

import threading
import time
from types import SimpleNamespace

import pytest

from kmipd.doors import threads as module
from kmipd.doors.threads import Threads


@pytest.mark.parametrize(("used", "added"), [(0.1, 1), (0.4, 1), (0.6, 0), (2.0, 0)])
def test_one_is_added_when_all_wait_but_not_when_they_compute(
    monkeypatch: pytest.MonkeyPatch, used: float, added: int
) -> None:
    clock = SimpleNamespace(now=100.0, cpu=10.0)
    fake = SimpleNamespace(monotonic=lambda: clock.now, process_time=lambda: clock.cpu)
    monkeypatch.setattr(module, "time", fake)
    pool = Threads(lambda _wait: time.sleep(0.001) is None, minimum=0, maximum=4)
    pool.mark_busy()  # this thread has found something to do, and does not come back
    clock.now += 1.0
    clock.cpu += used  # of that second
    pool.adjust()
    count = len(pool)
    pool.stop()
    assert count == added
    for thread in threading.enumerate():
        if thread.name == "request-0":
            thread.join()
