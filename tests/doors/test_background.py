"""Threads for asynchronous requests: a worker whose threads all hang says that it must be replaced."""

from __future__ import annotations

import threading
import time

import pytest

from kmipd import app, config
from kmipd.doors import background
from kmipd.doors.background import THREADS, BackgroundWork
from tests.support.server import Server
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


def test_a_worker_tells_of_it_and_of_its_key_stores(monkeypatch: pytest.MonkeyPatch, own_server: Server) -> None:
    application = app.compose(config.load(own_server.directory, {}))
    try:
        assert application.trouble() == ""
        monkeypatch.setattr(application.background, "trouble", lambda: "all hang")
        assert application.trouble() == "all hang"
        monkeypatch.setattr(application.directory, "stuck", lambda: "a store is stuck")
        assert application.trouble() == "a store is stuck"
    finally:
        application.close()
