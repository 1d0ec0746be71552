"""What is written from the code is what the code says now."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.pages import PAGES


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_a_page_is_current(path: Path) -> None:
    assert path.read_text() == PAGES[path](), "run `make docs`"
