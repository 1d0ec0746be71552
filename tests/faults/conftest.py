"""Servers that are to be broken."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.fixtures import own_server, softhsm
from tests.tokens.faults import build

__all__ = ["own_server", "softhsm"]


@pytest.fixture(scope="session")
def fault_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The fault-injecting module, compiled once."""
    try:
        return build(tmp_path_factory.mktemp("fault-module"))
    except FileNotFoundError as error:
        pytest.skip(str(error))
