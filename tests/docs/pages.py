"""Which pages there are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.docs import kmip

_DOCS = Path(__file__).parents[2] / "docs"
PAGES: dict[Path, Callable[[], str]] = {_DOCS / "kmip.md": kmip.page}
