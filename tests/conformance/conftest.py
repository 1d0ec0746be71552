"""Real servers for the test cases."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.fixtures import server, softhsm
from tests.support.server import Server

__all__ = ["server", "servers", "softhsm"]


@pytest.fixture(scope="session")
def servers(
    softhsm: Path, server: Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[dict[str, object]], Server]]:
    """`servers(settings)`: the server of all tests, or one whose table `keys` says so."""
    made: dict[str, Server] = {"{}": server}

    def configured(settings: dict[str, object]) -> Server:
        if repr(settings) not in made:
            directory = tmp_path_factory.mktemp("configured") / "server"
            made[repr(settings)] = Server.make(directory).configure("keys", **settings).start()
        return made[repr(settings)]

    yield configured
    for one in made.values():
        if one is not server:
            one.kill()
