"""The clients' environment; the servers are those of the folder above."""

from __future__ import annotations

import pytest

from tests.interop.clients.environment import Environment


@pytest.fixture(scope="session", autouse=True)
def clients(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """Skips every test of this folder where the clients are not installed, before any server is started."""
    return Environment.find(tmp_path_factory.mktemp("home"))
