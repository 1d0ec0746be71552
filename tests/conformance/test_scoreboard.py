"""docs/conformance.md says what the cases say."""

from __future__ import annotations

from tests.conformance.failing import REASONS
from tests.conformance.scoreboard import PAGE, page
from tests.protocol.corpus import needs_corpus

ENTRIES_MAX = 15


@needs_corpus
def test_the_page_is_current() -> None:
    assert PAGE.read_text() == page(), "write it again: python -m tests.conformance.scoreboard"


def test_the_list_stays_short() -> None:
    assert len(REASONS) <= ENTRIES_MAX
    assert all(reason.startswith("ERRATUM: ") for reason in REASONS.values()), "nothing is left for later"
