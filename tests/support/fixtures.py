"""Fixtures over `Server`; a conftest imports the ones it offers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kmipd.spec.versions import V1_4, Version
from kmipd_pkcs11.provision import find_softhsm
from tests.support.client import Client
from tests.support.server import Identity, Server


@pytest.fixture(scope="session")
def softhsm() -> Path:
    try:
        return find_softhsm()
    except Exception as error:
        pytest.skip(f"no SoftHSM2 here: {error}")


@pytest.fixture(scope="session")
def server(softhsm: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for every test that brings its own clients and does not stop it."""
    made = Server.make(tmp_path_factory.mktemp("kmipd") / "server").start()
    try:
        yield made
    finally:
        made.kill()


@pytest.fixture
def own_server(softhsm: Path, tmp_path: Path) -> Iterator[Server]:
    """A server that is not started yet, to be started, stopped and killed at will."""
    made = Server.make(tmp_path / "server")
    try:
        yield made
    finally:
        made.kill()


@pytest.fixture
def identity(server: Server) -> Identity:
    """A client that nobody else is, with an empty group."""
    return server.enrol()


Connect = Callable[..., Client]


@pytest.fixture
def connect(server: Server, identity: Identity) -> Iterator[Connect]:
    """`connect(version=…, identity=…)`: connections that are closed when the test ends."""
    opened: list[Client] = []

    def connect(version: Version = V1_4, who: Identity | None = None) -> Client:
        client = Client.connect(server, who or identity, version)
        opened.append(client)
        return client

    yield connect
    for client in opened:
        client.close()


@pytest.fixture
def client(connect: Connect) -> Client:
    """One connection at KMIP 1.4."""
    return connect()
