"""The OASIS test cases, 1.0 to 2.1, with a running server over mutual TLS, compared by the rules of the profiles.

Once in TTLV, and again in JSON and in XML by HTTPS: the encoding changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.conformance.cases import WAYS, Settings, cases, conversations, play, settings
from tests.conformance.failing import REASONS
from tests.protocol.corpus import VERSIONS, needs_corpus
from tests.support.server import Server

pytestmark = needs_corpus


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("version", VERSIONS)
def test_the_cases_of_a_version(
    version: str, way: str, servers: Callable[[Settings], Server], capsys: pytest.CaptureFixture[str]
) -> None:
    total, problems = 0, dict[str, str]()
    for conversation in conversations(version):
        total += len(conversation)
        problems |= play(servers(settings(conversation)), conversation, way)
    with capsys.disabled():
        print(f" [{version}, {way}: {total - len(problems)} of {total} cases pass]", end="")
    assert total
    unexpected = {name: problem for name, problem in problems.items() if name not in REASONS}
    assert unexpected == {}
    passing = {case.name for case in cases(version)} - set(problems)
    assert passing & set(REASONS) == set(), "these pass: take them off the list"


def test_every_listed_case_exists() -> None:
    assert set(REASONS) <= {case.name for version in VERSIONS for case in cases(version)}
