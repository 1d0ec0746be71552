"""OpenStack Swift with its KMIP key master: a cluster in a folder whose root secrets are in kmipd."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.interop.clients.environment import Environment, add, folder_with_attributes, objects, restart
from tests.interop.clients.swift import Swift
from tests.support.asking import activate, create
from tests.support.client import Client
from tests.support.server import Identity, Server

FIRST, SECOND = b"written under the first root secret " * 100, b"written under the second " * 100


@pytest.fixture
def swift(clients: Environment) -> Iterator[Swift]:
    """A cluster that is not started yet."""
    clients.need("swift", "kmip")
    with folder_with_attributes() as folder:
        made = Swift.make(clients, folder)
        try:
            yield made
        finally:
            made.stop()


def root_secret(server: Server, who: Identity) -> str:
    """An AES-256 key that belongs to Swift."""
    with Client.connect(server, who) as client:
        uid = create(client)
        activate(client, uid)
    return uid


def keymaster(server: Server, who: Identity, first: str, **more: str) -> dict[str, object]:
    return {
        "host": server.host,
        "port": server.port,
        "certfile": who.certificate,
        "keyfile": who.key,
        "ca_certs": who.ca,
        "key_id": first,
        **more,
    }


def fetched(server: Server, uid: str) -> int:
    """How often somebody got the key, by the audit log. A proxy asks several times when it starts."""
    events = [json.loads(line) for line in (server.directory / "audit.log").read_text().splitlines()]
    return sum((one["operation"], one["uid"]) == ("GET", uid) for one in events)


def test_objects_stay_readable_over_rotation_and_restarts(own_server: Server, swift: Swift) -> None:
    server = own_server.start()
    who = add(server, "swift")
    first = root_secret(server, who)
    swift.keymaster(keymaster(server, who, first))
    swift.start()
    assert fetched(server, first)
    _put(swift, "first", FIRST, container=True)
    assert FIRST[:30] not in swift.lying()["/AUTH_test/box/first"]

    # Rotation in Swift's two steps: every proxy knows the new secret before any writes under it.
    second = root_secret(server, who)
    swift.keymaster(keymaster(server, who, first, key_id_second=second))
    swift.restart_proxy()
    swift.keymaster(keymaster(server, who, first, key_id_second=second, active_root_secret_id="second"))
    swift.restart_proxy()
    _put(swift, "second", SECOND)
    _assert_readable(swift)
    lying = swift.lying()
    assert b"secret_id" not in lying["/AUTH_test/box/first"]
    assert b"secret_id%22%3A+%22second" in lying["/AUTH_test/box/second"]
    assert objects(server, "swift").keys() == {first, second}

    restart(server)
    _assert_readable(swift)
    before = fetched(server, first), fetched(server, second)
    swift.restart_proxy()
    _assert_readable(swift)
    assert fetched(server, first) > before[0]
    assert fetched(server, second) > before[1]


def test_a_proxy_needs_the_key_server_to_start_and_not_after(own_server: Server, swift: Swift) -> None:
    server = own_server.start()
    who = add(server, "swift")
    swift.keymaster(keymaster(server, who, root_secret(server, who)))
    swift.start()
    _put(swift, "first", FIRST, container=True)
    server.stop()
    assert swift.request("GET", "/box/first") == (200, FIRST)

    swift.stop("proxy")
    with pytest.raises(AssertionError, match="refused"):
        swift.start("proxy")
    server.start(KMIPD_PORT=str(server.port))
    swift.start("proxy")
    assert swift.request("GET", "/box/first") == (200, FIRST)


def _put(swift: Swift, name: str, body: bytes, *, container: bool = False) -> None:
    if container:
        assert swift.request("PUT", "/box")[0] == 201
    assert swift.request("PUT", f"/box/{name}", body)[0] == 201


def _assert_readable(swift: Swift) -> None:
    assert swift.request("GET", "/box/first") == (200, FIRST)
    assert swift.request("GET", "/box/second") == (200, SECOND)
