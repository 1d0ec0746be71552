"""Calls and processes that hang: everybody gets an answer, and what hangs is replaced while the rest serves."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from kmipd.protocol import Encoding
from kmipd.spec import payloads as p
from kmipd.spec.enumerations import Operation, ResultReason
from tests.faults.faulty import put_between
from tests.support.asking import create
from tests.support.client import Client, Ended, Refused
from tests.support.https import HTTPSClient
from tests.support.server import Identity, Server
from tests.tokens.faults import Faults, eventually


@pytest.fixture
def faults(own_server: Server, fault_library: Path) -> Faults:
    return put_between(own_server.configure("limits", answer=3, hung_max=2, drain_idle=0.2), fault_library)


def outcome(server: Server, identity: Identity, operation: Operation, payload: object) -> str:
    """What a client of its own gets: "done", what it is told, or that the connection ended."""
    try:
        with Client.connect(server, identity) as client:
            client.call(operation, payload)
            return "done"
    except Refused as error:
        return str(error.message)
    except (Ended, OSError):
        return "ended"


@pytest.mark.parametrize(
    "connect", [Client.connect, partial(HTTPSClient.speaking, Encoding.JSON)], ids=["TLS", "HTTPS"]
)
def test_who_waits_for_a_hung_call_is_told_and_the_others_go_on(
    own_server: Server, faults: Faults, connect: Callable[[Server, Identity], Client]
) -> None:
    own_server.start(workers=1)
    identity = own_server.enrol()
    with connect(own_server, identity) as client, Client.connect(own_server, identity) as other:
        uid = create(client)
        get = p.GetRequestPayload(unique_identifier=uid)
        key = client.call(Operation.GET, get)
        faults.hang("C_WrapKey", count=1)
        with pytest.raises(Refused, match="does not answer in time; nothing was changed") as told:
            client.call(Operation.GET, get)
        assert told.value.reason is ResultReason.GENERAL_FAILURE
        with pytest.raises((Ended, OSError)):
            client.call(Operation.GET, get)  # the connection is at its end: its thread hangs
        assert other.call(Operation.GET, get) == key, "another session, while the first one still hangs"
        faults.clear()
    assert "the request was given up" in own_server.log.read_text()
    assert own_server.workers(), "one hung call costs no process"


def test_a_key_that_is_made_too_late_is_taken_back(own_server: Server, faults: Faults) -> None:
    """The client was told that nothing was changed, so nothing may be."""
    own_server.start(workers=1)
    identity = own_server.enrol()
    with Client.connect(own_server, identity) as client:
        faults.hang("C_GenerateKey", after=True, count=1)
        with pytest.raises(Refused, match="nothing was changed"):
            create(client)
    destroyed = faults.calls("C_DestroyObject")
    faults.clear()
    assert eventually(lambda: faults.calls("C_DestroyObject") > destroyed)
    with Client.connect(own_server, identity) as client:
        assert client.call(Operation.LOCATE, p.LocateRequestPayload()).unique_identifier == ()
        assert create(client)


def test_a_worker_with_too_many_hung_calls_is_replaced(own_server: Server, faults: Faults) -> None:
    own_server.start(workers=2)
    identity = own_server.enrol()
    with Client.connect(own_server, identity) as client:
        uid = create(client)
    before = set(own_server.workers())
    get = p.GetRequestPayload(unique_identifier=uid)
    faults.hang("C_WrapKey", count=3)  # two of the three meet in one worker
    with ThreadPoolExecutor(6) as pool:
        told = list(pool.map(lambda _: outcome(own_server, identity, Operation.GET, get), range(6)))
    assert sum("in time" in text for text in told) == 3, told
    assert told.count("done") == 3, told
    assert eventually(lambda: len(before - set(own_server.workers())) == 1, 30), "one of two was replaced"
    assert eventually(lambda: len(own_server.workers()) == 2, 30)
    assert "threads hang in the key store" in own_server.log.read_text()
    faults.clear()
    assert outcome(own_server, identity, Operation.GET, get) == "done"


def test_a_crash_in_the_library_costs_one_worker(own_server: Server, faults: Faults) -> None:
    own_server.start(workers=2)
    identity = own_server.enrol()
    with Client.connect(own_server, identity) as client:
        uid = create(client)
    get = p.GetRequestPayload(unique_identifier=uid)
    faults.crash("C_WrapKey")
    with ThreadPoolExecutor(4) as pool:
        told = list(pool.map(lambda _: outcome(own_server, identity, Operation.GET, get), range(12)))
    assert set(told) <= {"done", "ended"}, told
    assert "done" in told, "the other worker serves"
    assert eventually(lambda: len(own_server.workers()) == 2, 30)
    assert outcome(own_server, identity, Operation.GET, get) == "done"
    assert "ended with -11" in own_server.log.read_text()


def test_a_worker_that_falls_silent_is_replaced(own_server: Server) -> None:
    own_server.configure("limits", silence=2).start(workers=2)
    identity = own_server.enrol()
    stopped = own_server.workers()[0]
    os.kill(stopped, signal.SIGSTOP)
    assert eventually(lambda: stopped not in own_server.workers() and len(own_server.workers()) == 2, 20)
    assert "has not been heard of" in own_server.log.read_text()
    with Client.connect(own_server, identity) as client:
        assert create(client)


def test_systemd_hears_that_the_supervisor_is_alive(own_server: Server, tmp_path: Path) -> None:
    heard: list[bytes] = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(60)

        def listen() -> None:
            """From the start, as systemd does: with ten messages unread the next one waits, and the supervisor too."""
            while heard.count(b"WATCHDOG=1") < 2 or not any(b"READY=1" in one for one in heard):
                heard.append(manager.recv(4096))

        listening = threading.Thread(target=listen)
        listening.start()
        own_server.start(workers=1, NOTIFY_SOCKET=str(tmp_path / "notify"), WATCHDOG_USEC="1000000")
        listening.join(60)
        assert not listening.is_alive(), heard
