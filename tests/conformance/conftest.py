"""Real servers for the test cases."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conformance.cases import Settings
from tests.support.fixtures import softhsm
from tests.support.server import Server

__all__ = ["servers", "softhsm"]


@pytest.fixture(scope="session")
def servers(softhsm: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Settings], Server]]:
    """`servers(settings)`: a server whose settings say so."""
    made: dict[Settings, Server] = {}

    def configured(settings: Settings) -> Server:
        if settings not in made:
            server = Server.make(tmp_path_factory.mktemp("configured") / "server")
            made[settings] = settings.applied(server).start()
        return made[settings]

    yield configured
    for one in made.values():
        one.kill()
