"""A worker in this process, where the system refuses it something."""

from __future__ import annotations

import errno
import select
import socket
import ssl
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from kmipd.doors.limits import DoorLimits
from kmipd.doors.surroundings import Surroundings
from kmipd.doors.worker import Worker
from kmipd.protocol import Limits


class Exhausted:
    """An epoll that watches nothing new (epoll(7), max_user_watches); what is armed again is noted."""

    def __init__(self) -> None:
        self.armed: list[int] = []

    def register(self, *_: Any) -> None:
        raise OSError(errno.ENOSPC, "no space left on device")

    def unregister(self, *_: Any) -> None:
        raise FileNotFoundError

    def modify(self, fd: int, _events: int) -> None:
        self.armed.append(fd)


@pytest.fixture
def worker() -> Iterator[Worker]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        handler: Any = None
        yield Worker(
            [listener],
            handler,
            context=lambda: ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER),
            principal=lambda _: None,
            limits=DoorLimits(),
            message_limits=Limits(),
        )


def test_a_connection_that_cannot_be_watched_does_not_stop_the_next(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    epoll = Exhausted()
    monkeypatch.setattr(worker, "_epoll", epoll)
    (listener,) = worker._listeners.values()
    with socket.create_connection(listener.getsockname()) as peer:
        select.select([listener], [], [], 5)
        worker._accept(listener)
        peer.settimeout(5)
        assert peer.recv(1) == b"", "it was taken and let go"
    assert worker.status["connections"] == 0
    assert epoll.armed == [listener.fileno()]


def test_a_worker_in_trouble_ends_and_says_why() -> None:
    trouble, beats = [""], []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        handler: Any = None
        worker = Worker(
            [listener],
            handler,
            context=lambda: ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER),
            principal=lambda _: None,
            limits=DoorLimits(),
            message_limits=Limits(),
            surroundings=Surroundings(beat=lambda: beats.append(1), trouble=lambda: trouble[0]),
        )
        running = threading.Thread(target=worker.run)
        running.start()
        assert running.is_alive()
        trouble[0] = "the key store hangs"
        running.join(10)
        assert not running.is_alive()
        assert worker.hung == "the key store hangs"
        assert beats
