"""Real servers, real sockets."""

from pathlib import Path

import pytest

from tests.support.fixtures import client, connect, identity, own_server, server, softhsm
from tests.support.tokens import SpareToken

__all__ = ["client", "connect", "identity", "own_server", "server", "softhsm", "token"]


@pytest.fixture
def token(softhsm: Path, tmp_path: Path) -> SpareToken:
    return SpareToken.make(tmp_path / "hsm2", "two")
