"""MongoDB client-side field level encryption: pymongo with libmongocrypt, master keys in kmipd.

Plain: the driver registers 96 random bytes as Secret Data and wraps its data keys by itself. Delegated: an AES key is
made here and never leaves; the driver asks for Encrypt and Decrypt.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.interop.clients.environment import Environment, add, objects, restart, settings
from tests.support.asking import destroy, revoke
from tests.support.client import Client
from tests.support.server import STOP_SECONDS, Identity, Server, run

Step = Callable[..., Any]
SECRETS = {"plain": "eins", "delegated": "zwei"}


@pytest.fixture
def mongodb(clients: Environment) -> Iterator[str]:
    """The address of a MongoDB that lives as long as the test."""
    clients.need("pymongo", "pymongocrypt", "mockupdb", "mongomock")
    process = subprocess.Popen(
        clients.command("mongodb_server"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=clients.variables(),
    )
    with process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.kill()
        process.wait(STOP_SECONDS)


def application(clients: Environment, server: Server, who: Identity, mongodb: str) -> Step:
    """One step of the application, in a process of its own."""
    both = who.directory / "both.pem"  # the driver wants certificate and key in one file
    both.write_bytes(who.certificate.read_bytes() + who.key.read_bytes())

    def step(name: str, /, **arguments: object) -> Any:
        given = {**settings(server, who), "both": both, "mongodb": mongodb}
        return clients.run("mongodb_fields", step=name, arguments=arguments, **given)

    return step


def test_fields_stay_readable_over_rotation_and_restart(clients: Environment, own_server: Server, mongodb: str) -> None:
    server = own_server.start()
    who = add(server, "mongodb")
    step = application(clients, server, who, mongodb)
    first = step("write", name="plain", secret=SECRETS["plain"], delegated=False)
    first = step("write", name="delegated", secret=SECRETS["delegated"], delegated=True)

    held = objects(server, "mongodb")
    assert set(held) == set(first.values())
    assert held[first["plain"]].items() >= {"type": "SECRET_DATA", "state": "ACTIVE", "placement": "wrapped"}.items()
    delegated = {"type": "SYMMETRIC_KEY", "algorithm": "AES", "length": 256, "state": "ACTIVE", "placement": "resident"}
    assert held[first["delegated"]].items() >= delegated.items()
    _assert_readable(step("read"))

    restart(server)
    _assert_readable(step("read"))

    rotated = step("rewrap", delegated=True)
    assert not set(rotated.values()) & set(first.values()), "a new master key for every data key"
    assert objects(server, "mongodb").keys() == {*rotated.values(), *first.values()}
    with Client.connect(server, who) as client:
        for uid in first.values():
            revoke(client, uid)
            destroy(client, uid)
    _assert_readable(step("read"))


def test_a_revoked_application_reads_nothing(clients: Environment, own_server: Server, mongodb: str) -> None:
    server = own_server.start()
    who = add(server, "mongodb")
    step = application(clients, server, who, mongodb)
    step("write", name="plain", secret=SECRETS["plain"], delegated=False)
    run("client", "revoke", "mongodb", "--dir", server.directory)
    refused = step("read")["refused"]
    assert "the client certificate is not enrolled here" in refused, refused
    assert "refused" in server.log.read_text()


def _assert_readable(seen: dict[str, dict[str, str]]) -> None:
    assert seen["by hand"] == SECRETS
    assert seen["by the driver"] == SECRETS
    assert not any(SECRETS[name].encode().hex() in value for name, value in seen["lying"].items())
