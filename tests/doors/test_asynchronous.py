"""Asynchronous requests with a real server: whichever worker the Poll meets, and whichever dies."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable

from kmipd.spec import payloads as p
from kmipd.spec.enumerations import Operation, ResultStatus
from kmipd.spec.messages import ResponseBatchItem
from kmipd.spec.tags import Tag
from kmipd.spec.versions import V1_4
from tests.support.asking import aes, create_request, locate, name
from tests.support.client import Client, Ended
from tests.support.server import Identity, Server

CONNECTIONS = 8  # enough for both workers to have some
AWAITED_SECONDS = 30.0


def _submit(client: Client, text: str) -> bytes:
    create = (Operation.CREATE, create_request(V1_4, aes((Tag.NAME, name(text)))))
    item = client.batch(create, asynchronous_indicator=True).batch_item[0]
    assert item.result_status is ResultStatus.OPERATION_PENDING
    assert item.asynchronous_correlation_value is not None
    return item.asynchronous_correlation_value


def _poll(client: Client, correlation: bytes) -> ResponseBatchItem:
    request = p.PollRequestPayload(asynchronous_correlation_value=correlation)
    return client.batch((Operation.POLL, request)).batch_item[0]


def _eventually(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + AWAITED_SECONDS
    while not condition():
        assert time.monotonic() < until, "it never came to be"
        time.sleep(0.1)


def _exists(server: Server, identity: Identity, text: str) -> bool:
    try:
        with Client.connect(server, identity) as client:
            return len(locate(client, (Tag.NAME, name(text)))) == 1
    except (OSError, Ended):  # the worker that took the connection was killed
        return False


def test_any_worker_answers_the_poll(own_server: Server) -> None:
    own_server.start(workers=2)
    identity = own_server.enrol()
    clients = [Client.connect(own_server, identity) for _ in range(CONNECTIONS)]
    waiting = [_submit(client, f"key {n}") for n, client in enumerate(clients)]
    polled = [[_poll(client, correlation) for client in clients] for correlation in waiting]
    for answers in polled:
        assert answers[0].result_status is ResultStatus.SUCCESS
        assert all(answer == answers[0] for answer in answers)
    for client in clients:
        client.close()


def test_what_nobody_polls_is_done_all_the_same(own_server: Server) -> None:
    own_server.start()
    identity = own_server.enrol()
    with Client.connect(own_server, identity) as client:
        _submit(client, "unasked")
    _eventually(lambda: _exists(own_server, identity, "unasked"))


def test_a_request_outlives_its_worker_and_the_daemon(own_server: Server) -> None:
    own_server.start(workers=2)
    identity = own_server.enrol()
    with Client.connect(own_server, identity) as client:
        _submit(client, "killed")
        for worker in own_server.workers():
            os.kill(worker, signal.SIGKILL)
    _eventually(lambda: _exists(own_server, identity, "killed"))
    with Client.connect(own_server, identity) as client:
        correlation = _submit(client, "restarted")
    own_server.stop()
    own_server.start()
    with Client.connect(own_server, identity) as client:
        assert _poll(client, correlation).result_status is ResultStatus.SUCCESS
        assert len(locate(client, (Tag.NAME, name("restarted")))) == 1
