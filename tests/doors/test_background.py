"""Threads for asynchronous requests: a worker whose threads all hang says that it must be replaced."""

from __future__ import annotations

import threading
import time

import pytest

from kmipd.doors import background
from kmipd.doors.background import THREADS, BackgroundWork
from tests.tokens.faults import eventually


def test_hangs_are_told_when_no_thread_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "HUNG_SECONDS", 0.2)
    come_back, done = threading.Event(), []

    def perform(batch: str) -> bool:
        if batch.startswith("hangs"):
            come_back.wait()
        done.append(batch)
        return True

    work = BackgroundWork(lambda _: False)
    work.start(perform, tuple)
    try:
        for n in range(THREADS - 1):
            work.await_end(f"hangs {n}", 0.0, b"")
        work.await_end("passes", 0.0, b"")
        assert eventually(lambda: done == ["passes"])
        time.sleep(0.3)
        assert work.trouble() == "", "one thread is left"
        work.await_end("hangs too", 0.0, b"")
        assert eventually(lambda: "hang in the key store" in work.trouble())
        come_back.set()
        assert eventually(lambda: work.trouble() == "")
        assert eventually(lambda: len(done) == THREADS + 1)
    finally:
        come_back.set()
        work.stop(5.0)
