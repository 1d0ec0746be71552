"""What real clients force on availability: rules 1 to 3 (`test_client_rules.py` lists all of them).

radosgw never comes back from one refused connection, and goes wrong for as long as it has traffic when the server is
the side that closes an idle one. So the listening socket must outlive the workers and the daemon, and a daemon that
stops must let its clients become idle first.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from kmipd.doors.limits import DoorLimits
from kmipd.spec import payloads as p
from kmipd.spec.enumerations import Operation as Op
from kmipd.spec.enumerations import QueryFunction
from tests.support import asking
from tests.support.client import Client, Ended
from tests.support.server import Identity, Server

QUERY = p.QueryRequestPayload(query_function=(QueryFunction.QUERY_SERVER_INFORMATION,))
RADOSGW_IDLE_SECONDS = 15.0  # it lets a connection of its own lie idle for 5 to 10 s
WAIT_SECONDS = 20.0


def ask(client: Client) -> None:
    client.call(Op.QUERY, QUERY)


def eventually(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + WAIT_SECONDS
    while not condition():
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.05)


@contextlib.contextmanager
def knocking(server: Server, identity: Identity) -> Iterator[list[Exception]]:
    """Meanwhile, one client after the other connects, asks and leaves; yields what went wrong."""
    problems: list[Exception] = []
    over = threading.Event()

    def knock() -> None:
        while not over.is_set():
            try:
                with Client.connect(server, identity) as client:
                    ask(client)
            except Exception as error:
                problems.append(error)
            over.wait(0.02)

    thread = threading.Thread(target=knock)
    thread.start()
    try:
        yield problems
    finally:
        over.set()
        thread.join()


@pytest.fixture
def inherited() -> Iterator[socket.socket]:
    """The listening socket of a socket unit: the service manager holds it."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
        yield listener


def test_rule_01_a_restart_is_a_queue_and_never_a_refusal(own_server: Server, inherited: socket.socket) -> None:
    """With socket activation: whoever knocks while nobody serves waits, and is answered."""
    own_server.configure("limits", drain=4, drain_idle=1)
    identity = own_server.enrol()
    own_server.start(inherited)
    assert own_server.port == inherited.getsockname()[1]
    with knocking(own_server, identity) as problems:
        for _ in range(2):
            time.sleep(0.5)
            assert own_server.stop() == 0
            own_server.process = None
            time.sleep(0.5)
            own_server.start(inherited)
        time.sleep(0.5)
    assert problems == []


def test_rule_01_the_listener_outlives_the_workers(own_server: Server) -> None:
    """A vendor library that crashes takes a worker; connections wait for the next one."""
    identity = own_server.enrol()
    own_server.start(workers=1)
    with Client.connect(own_server, identity) as client:
        uid = asking.create(client)
    before = own_server.workers()
    assert len(before) == 1
    os.kill(before[0], signal.SIGKILL)
    with Client.connect(own_server, identity) as client:  # at once: the kernel queues it
        assert len(asking.material(client, uid)) == 32
    assert own_server.workers() != before


def test_rule_02_idle_connections_are_kept_for_hours(server: Server, identity: Identity) -> None:
    assert DoorLimits().idle >= 3600
    with Client.connect(server, identity) as client:
        ask(client)
        time.sleep(RADOSGW_IDLE_SECONDS + 1)
        ask(client)


def test_rule_02_stopping_serves_open_connections_until_they_are_idle(own_server: Server) -> None:
    """Nothing is closed under a client that is still using it; radosgw's own idle time is well within the default."""
    assert DoorLimits().drain_idle > 10
    assert DoorLimits().drain > DoorLimits().drain_idle
    own_server.configure("limits", drain=30, drain_idle=2)
    identity = own_server.enrol()
    own_server.start()
    with Client.connect(own_server, identity) as busy, Client.connect(own_server, identity) as silent:
        ask(busy)
        ask(silent)
        assert own_server.process is not None
        own_server.process.send_signal(signal.SIGTERM)
        for _ in range(8):  # four seconds: twice the idle time
            time.sleep(0.5)
            ask(busy)
        with pytest.raises((Ended, OSError)):
            ask(silent)
    assert own_server.wait() == 0


def warnings(server: Server, since: int) -> list[str]:
    return [line for line in server.log.read_text()[since:].splitlines() if " WARNING " in line or " ERROR " in line]


def test_rule_03_coming_and_leaving_without_a_word_is_no_error(server: Server, identity: Identity) -> None:
    """TrueNAS' "test connection", p11kmip's certificate fetch, vCenter's trust check, a load balancer's probe."""
    with Client.connect(server, identity) as client:
        ask(client)  # what was there before is in the log now
        since = len(server.log.read_text())
        for _ in range(3):
            Client.connect(server, identity).close()
            socket.create_connection((server.host, server.port)).close()
            with Client.connect(server, identity) as polite, contextlib.suppress(OSError):
                polite.sock.unwrap()  # says goodbye; what comes back does not matter
        ask(client)
        time.sleep(0.5)
    assert warnings(server, since) == []
