"""Every table of the core is total, and no reason is newer than the version it is told to."""

from __future__ import annotations

import pytest

from kmipd.core import answers, errors, reasons
from kmipd.core.lifecycle import TRANSITIONS, Event
from kmipd.core.operations import HANDLERS
from kmipd.core.policy import ROLES
from kmipd.spec import in_version
from kmipd.spec.enumerations import Operation, ResultReason, State
from kmipd.spec.operations import OPERATIONS
from kmipd.spec.versions import VERSIONS, Version


@pytest.mark.parametrize("version", VERSIONS, ids=lambda v: f"{v.major}.{v.minor}")
@pytest.mark.parametrize("reason", list(ResultReason))
def test_every_reason_can_be_said_in_every_version(reason: ResultReason, version: Version) -> None:
    assert in_version(reasons.for_version(reason, version), version)


def test_every_store_error_is_an_answer() -> None:
    for cls in errors.StoreError.__subclasses__():
        assert answers.expected(cls("text"))
        assert answers.answer(cls("secret text of the vendor"), VERSIONS[-1])[1] != "secret text of the vendor"


def test_what_is_not_expected_says_nothing() -> None:
    assert answers.answer(ValueError("secret"), VERSIONS[0]) == (ResultReason.GENERAL_FAILURE, answers.UNEXPECTED)


def test_the_state_table_knows_every_state_and_event() -> None:
    assert {state for state, _ in TRANSITIONS} | set(TRANSITIONS.values()) == set(State)
    assert {event for _, event in TRANSITIONS} == set(Event)


def test_handlers_are_of_declared_operations() -> None:
    assert set(HANDLERS) <= set(OPERATIONS)
    assert set.union(*map(set, ROLES.values())) == set(Operation)
