"""The state table against the standard's, by random walks on a real object with a clock moved by hand."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kmipd.spec import payloads as p
from kmipd.spec.attributes import RevocationReason
from kmipd.spec.enumerations import ObjectType, Operation, ResultReason, RevocationReasonCode, State
from kmipd.spec.tags import Tag
from kmipd.spec.versions import V2_1
from tests.core.conftest import Service
from tests.support.asking import aes, create_request
from tests.support.client import found, wanted

# The standard's own picture (KMIP 1.4, figure 1), written down a second time on purpose.
MODEL = {
    (State.PRE_ACTIVE, "activate"): State.ACTIVE,
    (State.PRE_ACTIVE, "compromise"): State.COMPROMISED,
    (State.PRE_ACTIVE, "destroy"): State.DESTROYED,
    (State.ACTIVE, "revoke"): State.DEACTIVATED,
    (State.ACTIVE, "compromise"): State.COMPROMISED,
    (State.DEACTIVATED, "compromise"): State.COMPROMISED,
    (State.DEACTIVATED, "destroy"): State.DESTROYED,
    (State.COMPROMISED, "destroy"): State.DESTROYED_COMPROMISED,
    (State.DESTROYED, "compromise"): State.DESTROYED_COMPROMISED,
}
_CODES = {"revoke": RevocationReasonCode.CESSATION_OF_OPERATION, "compromise": RevocationReasonCode.KEY_COMPROMISE}
ACTIONS = st.sampled_from(["activate", "revoke", "compromise", "destroy", "wait"])
LIFE = 100  # seconds from activation to deactivation


def _ask(service: Service, uid: str, action: str) -> bool:
    if action == "activate":
        item: tuple[Operation, Any] = (Operation.ACTIVATE, p.ActivateRequestPayload(unique_identifier=uid))
    elif action == "destroy":
        item = (Operation.DESTROY, p.DestroyRequestPayload(unique_identifier=uid))
    else:
        reason = RevocationReason(revocation_reason_code=_CODES[action])
        item = (Operation.REVOKE, p.RevokeRequestPayload(unique_identifier=uid, revocation_reason=reason))
    return service.refusal(*item) is None


def _state(service: Service, uid: str) -> State:
    payload = p.GetAttributesRequestPayload(unique_identifier=uid, attribute_name=("State",))
    return State(service.call(Operation.GET_ATTRIBUTES, payload).attribute[0].attribute_value)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(actions=st.lists(ACTIONS, max_size=8), dated=st.booleans())
def test_random_walks_follow_the_standard(service: Service, actions: list[str], dated: bool) -> None:
    start = service.clock.time
    dates = ((Tag.ACTIVATION_DATE, start + 10), (Tag.DEACTIVATION_DATE, start + LIFE)) if dated else ()
    principal_key = create_request(V2_1, aes(*dates))
    uid = service.call(Operation.CREATE, principal_key, version=V2_1).unique_identifier
    state = State.PRE_ACTIVE
    for action in actions:
        if action == "wait":
            service.clock.time += 60
        if dated:  # the clock moves it, whoever looks
            if state is State.PRE_ACTIVE and service.clock.time >= start + 10:
                state = State.ACTIVE
            if state is State.ACTIVE and service.clock.time >= start + LIFE:
                state = State.DEACTIVATED
        if action != "wait":
            expected = MODEL.get((state, action))
            assert _ask(service, uid, action) == (expected is not None), (state, action)
            state = expected or state
        assert _state(service, uid) is state
    if state in (State.DESTROYED, State.DESTROYED_COMPROMISED):
        refused = service.refusal(Operation.GET, p.GetRequestPayload(unique_identifier=uid), version=V2_1)
        assert refused is ResultReason.OBJECT_DESTROYED


@pytest.mark.parametrize("group", ["resident", "wrapped"])
def test_a_tombstone_still_answers(service: Service, group: str) -> None:
    from kmipd.core.model import Principal

    service.principal = Principal(group, group)
    uid = service.call(Operation.CREATE, create_request(V2_1, aes()), version=V2_1).unique_identifier
    assert _ask(service, uid, "destroy")
    obj = service.application.registry.unit().get(uid)
    assert obj is not None
    assert (obj.sealed, obj.cka_id) == (b"", b"")
    listed = found(
        service.call(Operation.GET_ATTRIBUTES, p.GetAttributesRequestPayload(unique_identifier=uid), version=V2_1)
    )
    assert listed["State"] == State.DESTROYED
    assert listed["Destroy Date"] == service.clock.time
    assert listed["Cryptographic Length"] == 256


def test_undo_really_undoes(service: Service) -> None:
    """After the failed batch the state is read again: what was activated is Pre-Active, what was created is nowhere."""
    from kmipd.spec.enumerations import BatchErrorContinuationOption, ResultStatus

    uid = service.call(Operation.CREATE, create_request(V2_1, aes()), version=V2_1).unique_identifier
    token_keys = len(service.application.store.inventory())
    answer = service.send(
        (Operation.ACTIVATE, p.ActivateRequestPayload(unique_identifier=uid)),
        (Operation.CREATE, create_request(V2_1, aes())),
        (Operation.GET, p.GetRequestPayload(unique_identifier="no such object")),
        version=V2_1,
        batch_error_continuation_option=BatchErrorContinuationOption.UNDO,
    )
    assert [i.result_status for i in answer.batch_item] == [
        ResultStatus.OPERATION_UNDONE,
        ResultStatus.OPERATION_UNDONE,
        ResultStatus.OPERATION_FAILED,
    ]
    assert _state(service, uid) is State.PRE_ACTIVE
    located = service.call(Operation.LOCATE, p.LocateRequestPayload(**wanted(V2_1, ())), version=V2_1)
    assert located.unique_identifier == (uid,)
    assert len(service.application.store.inventory()) == token_keys
    assert service.services.registry.intents(service.clock.time + 10**9) == []


def test_a_foreign_object_is_as_unknown_as_none(service: Service) -> None:
    from kmipd.core.model import Principal

    uid = service.call(Operation.CREATE, create_request(V2_1, aes()), version=V2_1).unique_identifier
    foreign = Principal("else", "else")
    answers = [
        service.send((Operation.GET, p.GetRequestPayload(unique_identifier=u)), version=V2_1, principal=foreign)
        for u in (uid, "nothing")
    ]
    first, second = (a.batch_item[0] for a in answers)
    assert first.result_reason is second.result_reason is ResultReason.OBJECT_NOT_FOUND
    assert str(first.result_message).replace(uid, "nothing") == second.result_message


@pytest.mark.parametrize(
    ("role", "operation", "permitted"),
    [
        ("auditor", Operation.LOCATE, True),
        ("auditor", Operation.GET, False),
        ("operator", Operation.REVOKE, True),
        ("operator", Operation.GET, False),
        ("nobody", Operation.LOCATE, False),
    ],
)
def test_roles(service: Service, role: str, operation: Operation, permitted: bool) -> None:
    from kmipd.core.errors import KmipError
    from kmipd.core.model import Principal
    from kmipd.core.policy import permit_operation

    principal = Principal("p", "g", role)
    if permitted:
        permit_operation(principal, operation)
    else:
        with pytest.raises(KmipError):
            permit_operation(principal, operation)


def test_every_object_type_has_a_class() -> None:
    from kmipd.spec.objects import OBJECT_CLASSES

    assert set(OBJECT_CLASSES) == set(ObjectType)
