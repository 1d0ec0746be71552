"""Key stores as entities: which command is for which state, and what a store that is not connected answers."""

from __future__ import annotations

import pytest

from kmipd.core import answers
from kmipd.core.errors import StoreNotConnected
from kmipd.core.failures import FailureReason
from kmipd.core.keystores import (
    Command,
    ConnectionState,
    InvalidState,
    KeyStoreRecord,
    after,
    not_connected,
    unknown_store,
)
from kmipd.core.ports import KeyStore
from kmipd.spec.enumerations import ResultReason
from kmipd.spec.versions import V1_4, V2_1

S, C = ConnectionState, Command

#: state -> what CONNECT, DISCONNECT, UPDATE and DELETE lead to; None: refused.
EXPECTED = {
    S.DISCONNECTED: (S.CONNECTING, S.DISCONNECTED, S.DISCONNECTED, S.DISCONNECTED),
    S.CONNECTING: (S.CONNECTING, S.DISCONNECTING, None, None),
    S.CONNECTED: (S.CONNECTED, S.DISCONNECTING, None, None),
    S.DISCONNECTING: (None, S.DISCONNECTING, None, None),
    S.FAILED: (None, S.DISCONNECTED, None, None),
}


@pytest.mark.parametrize("state", list(S))
def test_which_command_is_for_which_state(state: ConnectionState) -> None:
    for command, wanted in zip((C.CONNECT, C.DISCONNECT, C.UPDATE, C.DELETE), EXPECTED[state], strict=True):
        if wanted is not None:
            assert after("hsm2", state, command) is wanted
            continue
        with pytest.raises(InvalidState, match=f"'hsm2' while it is {state.value}: ."):
            after("hsm2", state, command)
    assert after("hsm2", state, C.DESCRIBE_ANEW) is state


def test_only_a_command_leads_to_disconnected() -> None:
    """A store whose token dies is not DISCONNECTED; that state is the operator's."""
    assert {command for command in C if after_any(command) == {S.DISCONNECTED}} == {C.UPDATE, C.DELETE}
    assert S.DISCONNECTED not in after_any(C.CONNECT)


def after_any(command: Command) -> set[ConnectionState]:
    found = set()
    for state in S:
        try:
            found.add(after("x", state, command))
        except InvalidState:
            continue
    return found


@pytest.mark.parametrize("state", [state for state in S if state is not S.CONNECTED])
def test_a_store_that_is_not_connected_refuses_everything_with_the_reason(state: ConnectionState) -> None:
    failure = FailureReason.USER_LOCKED_OUT if state is S.FAILED else None
    store = not_connected(KeyStoreRecord(name="hsm2", state=state, failure=failure))
    assert not store.health().up
    methods = [name for name in vars(KeyStore) if not name.startswith("_") and name not in ("name", "health")]
    assert len(methods) > 10
    for method in methods:
        with pytest.raises(StoreNotConnected, match=state.value) as caught:
            getattr(store, method)(b"whatever")
        if failure is not None:
            assert failure.remedy in str(caught.value)


def test_clients_learn_that_their_key_is_unavailable() -> None:
    with pytest.raises(StoreNotConnected) as caught:
        unknown_store("hsm9").random(8)
    reason, text = answers.answer(caught.value, V2_1)
    assert reason is ResultReason.PROTECTION_STORAGE_UNAVAILABLE
    assert "not connected" in text
    assert answers.answer(caught.value, V1_4)[0] is ResultReason.GENERAL_FAILURE
