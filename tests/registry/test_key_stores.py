"""Key stores in the registry: what is written is read, and a state moves only as the table says."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kmipd.core.failures import FailureReason
from kmipd.core.keystores import (
    Command,
    ConnectionState,
    InvalidState,
    KeyStoreRecord,
    Member,
    PinKind,
    PinSource,
    Replication,
)
from kmipd.registry import Registry
from kmipd.registry.keystores import KeyStoreExists, KeyStoreInUse, KeyStoreUnknown

S = ConnectionState
MEMBER = Member(
    name="first",
    module="/opt/p11.so",
    token_label="KMIP",
    environment={"CONF": "/etc/p11"},
    reserved="x=y",
    pin_source=PinSource(PinKind.COMMAND, ("/bin/pin", "--for", "hsm2")),
    pin_current=b"\1sealed",
    sentinel=b"\2",
)
RECORD = KeyStoreRecord(
    name="hsm2",
    description="a second one",
    rotate_pin=True,
    connect_timeout=7,
    replication=Replication.DEFERRED,
    created=5,
    members=(MEMBER, replace(MEMBER, name="second", pin_source=PinSource(PinKind.FILE, ("/pin",)))),
)


def test_what_is_written_is_read(registry: Registry) -> None:
    stores = registry.key_stores
    stores.add(RECORD)
    assert stores.get("hsm2") == RECORD
    assert list(stores.all()) == [RECORD]
    assert "sealed" not in repr(RECORD)
    with pytest.raises(KeyStoreExists):
        stores.add(RECORD)
    with pytest.raises(KeyStoreUnknown, match="kmipd store list"):
        stores.get("hsm3")


def test_a_whole_life(registry: Registry) -> None:
    stores = registry.key_stores
    stores.add(RECORD)
    assert stores.command("hsm2", Command.CONNECT).state is S.CONNECTING
    assert stores.command("hsm2", Command.CONNECT).connection == 1, "asking twice is one attempt"
    assert stores.finish("hsm2", S.CONNECTING, S.FAILED, FailureReason.USER_LOCKED_OUT, "locked")
    failed = stores.get("hsm2")
    assert (failed.state, failed.failure, failed.failure_text) == (S.FAILED, FailureReason.USER_LOCKED_OUT, "locked")
    with pytest.raises(InvalidState, match="disconnect it first"):
        stores.command("hsm2", Command.CONNECT)
    gone = stores.command("hsm2", Command.DISCONNECT)
    assert (gone.state, gone.failure, gone.failure_text) == (S.DISCONNECTED, None, "")
    assert stores.command("hsm2", Command.CONNECT).connection == 2
    assert stores.finish("hsm2", S.CONNECTING, S.CONNECTED)
    assert not stores.finish("hsm2", S.CONNECTING, S.FAILED), "somebody else has settled it"
    assert stores.command("hsm2", Command.DISCONNECT).state is S.DISCONNECTING
    assert stores.finish("hsm2", S.DISCONNECTING, S.DISCONNECTED)
    stores.delete("hsm2")
    assert list(stores.all()) == []


def test_an_attempt_that_was_called_off_settles_nothing(registry: Registry) -> None:
    stores = registry.key_stores
    stores.add(RECORD)
    stores.command("hsm2", Command.CONNECT)
    stores.command("hsm2", Command.DISCONNECT)
    assert not stores.finish("hsm2", S.CONNECTING, S.CONNECTED)
    assert stores.get("hsm2").state is S.DISCONNECTING


def test_changing(registry: Registry) -> None:
    stores = registry.key_stores
    stores.add(RECORD)
    changed = replace(RECORD, rotate_pin=False, members=(replace(MEMBER, module="/opt/new.so"),))
    stores.replace(changed, Command.UPDATE)
    assert stores.get("hsm2") == changed
    stores.command("hsm2", Command.CONNECT)
    with pytest.raises(InvalidState):
        stores.replace(RECORD, Command.UPDATE)
    stores.replace(replace(changed, description="new"), Command.DESCRIBE_ANEW)
    found = stores.get("hsm2")
    assert (found.description, found.state, found.connection) == ("new", S.CONNECTING, 1)
    stores.put_member("hsm2", replace(MEMBER, sentinel=b"\7"))
    assert stores.get("hsm2").members[0].sentinel == b"\7"
    with pytest.raises(KeyStoreUnknown):
        stores.put_member("hsm2", replace(MEMBER, name="third"))


def test_a_store_with_keys_stays(registry: Registry) -> None:
    stores = registry.key_stores
    stores.add(RECORD)
    registry.open_intent(b"c" * 16, "hsm2", "key", 0)
    assert stores.keys("hsm2") == 1
    with pytest.raises(KeyStoreInUse, match="still has 1 keys"):
        stores.delete("hsm2")
    registry.drop_intent(b"c" * 16)
    stores.delete("hsm2")


def test_the_root_store_stays(registry: Registry) -> None:
    registry.key_stores.add(replace(RECORD, name="main", root=True))
    with pytest.raises(KeyStoreInUse, match="root store"):
        registry.key_stores.delete("main")
