"""A selection of the fault matrix: every verb and every kind of failure; `make faults` does all of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults import matrix
from tests.faults.matrix_cells import FAILURES, VERBS
from tests.faults.matrix_table import table


@pytest.mark.slow
@pytest.mark.timeout(280)
@pytest.mark.xdist_group("load")
def test_every_verb_and_every_kind_of_failure(softhsm: Path, fault_library: Path, tmp_path: Path) -> None:
    pairs = [
        (verb, FAILURES[place % len(FAILURES)])
        for number, verb in enumerate(VERBS)
        for place in (number, number + len(FAILURES) // 2)
    ]
    assert {failure for _, failure in pairs} == set(FAILURES)
    cells, totals = matrix.run(tmp_path, fault_library, pairs)
    assert len(cells) == 2 * len(pairs)
    assert table(cells, totals).count("\n|") == len(pairs) + 2 * len(VERBS)
