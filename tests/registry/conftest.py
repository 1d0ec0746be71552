"""A registry in a file of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kmipd.registry import Registry, schema


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    schema.upgrade(tmp_path / "registry.db")
    made = Registry(tmp_path / "registry.db", tmp_path / "audit.log")
    yield made
    made.close()


@pytest.fixture
def other(registry: Registry) -> Iterator[Registry]:
    """Another process on the same file."""
    made = Registry(registry.path, registry.path.with_name("audit.log"))
    yield made
    made.close()
