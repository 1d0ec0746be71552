"""`kmipd store clone`, `sync-key` with every refusal, `sync-all`, and the words of vendors' tools."""

from __future__ import annotations

import fcntl
import json
import re
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from kmipd import app, config
from kmipd.core.replication import Deferred
from kmipd.core.syncing import SyncRefusal, SyncRefused
from kmipd.keystores import preparing
from kmipd.spec import payloads as p
from kmipd.spec.enumerations import Operation
from kmipd.spec.tags import Tag
from kmipd.store_administration import KeyStoreAdministration
from kmipd_pkcs11.group import GroupStore
from kmipd_pkcs11.transport import Parcel, Transport
from tests.support.asking import create
from tests.support.client import Client
from tests.support.clones import Clones
from tests.support.commands import described, invoke, store
from tests.support.server import Server
from tests.support.tokens import SpareToken
from tests.tokens.test_group import AES

FALSE = False


@pytest.fixture
def clones(own_server: Server, tmp_path: Path) -> Clones:
    """A group whose store is connected and served."""
    own_server.configure("groups.ours", store="ha").configure("groups.sealed", store="ha", placement="wrapped")
    made = Clones.make(own_server, tmp_path, "--replication", "deferred")
    own_server.start(workers=1)
    store(own_server, "connect", "ha")
    return made


def opened(clones: Clones) -> tuple[app.Application, GroupStore]:
    application = app.compose(config.load(clones.server.directory, {}))
    group = application.services.stores["ha"]
    assert isinstance(group, GroupStore)
    return application, group


def forget(clones: Clones, uid: str, member: str) -> None:
    """Take the copy of a key away from a member behind the server's back."""
    application, group = opened(clones)
    obj = application.registry.unit().get(uid)
    assert obj is not None
    group.members[member].destroy(obj.cka_id or obj.wrapping_key)
    application.close()


def refusal(clones: Clones, *arguments: object) -> SyncRefusal:
    text = store(clones.server, "sync-key", *arguments, code=1)
    found = SyncRefusal[re.search(r"Error: ([A-Z_]+):", text)[1]]  # type: ignore[index]
    assert found.remedy in text
    return found


def test_the_ceremony(own_server: Server, tmp_path: Path) -> None:
    first, second = (SpareToken.make(tmp_path / name, name) for name in ("first", "second"))
    store(own_server, "create", "ha", *first.options())
    assert "one token" in store(own_server, "clone", "begin", "ha", "first", code=1)
    store(own_server, "add-member", "ha", "second", *second.options())
    assert "NO_COMMON_LINEAGE" in store(own_server, "connect", "ha", code=4)
    assert "disconnect it" in store(own_server, "clone", "begin", "ha", "second", code=1)
    store(own_server, "disconnect", "ha")
    assert "comes first" in store(own_server, "clone", "finish", "ha", "second", "--fingerprint", "00", code=1)
    assert "no member" in store(own_server, "clone", "begin", "ha", "third", code=1)
    begun = json.loads(store(own_server, "clone", "begin", "ha", "second", "--json"))
    wrong = begun["fingerprint"][:-1] + ("0" if begun["fingerprint"][-1] != "0" else "1")
    assert "nothing was handed over" in store(
        own_server, "clone", "finish", "ha", "second", "--fingerprint", wrong, code=1
    )
    assert not described(own_server, "ha")["members"][1]["clone"]
    store(own_server, "clone", "finish", "ha", "second", "--fingerprint", begun["fingerprint"])
    assert [member["clone"] for member in described(own_server, "ha")["members"]] == [True, True]
    store(own_server, "connect", "ha")
    assert "accounted for" in store(own_server, "orphans", "--store", "ha"), "the ceremony leaves nothing behind"


def test_no_new_transport_key_while_a_parcel_is_on_its_way(own_server: Server, tmp_path: Path) -> None:
    """It is wrapped under the present one, and could not be opened any more."""
    Clones.make(own_server, tmp_path)
    waiting = Deferred("second", bytes(16), "create", b"a parcel")
    application = app.compose(config.load(own_server.directory, {}))
    application.registry.ledger("ha").defer([waiting], ())
    begun = json.loads(store(own_server, "clone", "begin", "ha", "second", "--json"))
    finish = ("clone", "finish", "ha", "second", "--fingerprint", begun["fingerprint"])
    before = described(own_server, "ha")["members"][0]["lineage"]
    assert "still to catch up" in store(own_server, *finish, code=1)
    assert described(own_server, "ha")["members"][0]["lineage"] == before
    assert application.registry.ledger("ha").caught_up(waiting, None)
    application.close()
    store(own_server, *finish)
    assert described(own_server, "ha")["members"][0]["lineage"] != before


def test_nobody_connects_the_store_during_a_ceremony(
    own_server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both change PINs: done at the same time, the one that counts would be forgotten."""
    Clones.make(own_server, tmp_path)
    prepare_member = preparing.prepare_member
    alone = []

    def watched(*arguments: Any) -> None:
        (path,) = own_server.directory.glob("ha+*.lock")
        with path.open("w") as lock, suppress(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            pytest.fail("a command that connects the store would go on")
        alone.append(arguments)
        prepare_member(*arguments)

    monkeypatch.setattr(preparing, "prepare_member", watched)
    application = app.compose(config.load(own_server.directory, {}))
    cloning = KeyStoreAdministration(application).cloning()
    cloning.finish("ha", "second", cloning.begin("ha", "second"))
    application.close()
    assert len(alone) == 3, "one token to begin, two to finish"


def test_a_third_member_joins(own_server: Server, tmp_path: Path) -> None:
    own_server.configure("groups.ours", store="ha")
    clones = Clones.make(own_server, tmp_path)
    third = SpareToken.make(tmp_path / "third", "third")
    store(own_server, "add-member", "ha", "third", *third.options())
    clones.hold_ceremony("third")
    store(own_server, "connect", "ha")
    own_server.start(workers=1)
    client = Client.connect(own_server, own_server.enrol(group="ours"))
    create(client)
    client.close()
    compared = clones.compared()
    assert len(compared) == 2, "a key and a wrapping key"
    assert all(len(values) == 1 for values in compared.values())
    assert "accounted for" in store(own_server, "orphans", "--store", "ha")


def test_sync_key_copies_and_proves(clones: Clones) -> None:
    client = Client.connect(clones.server, clones.server.enrol(group="ours"))
    uid = create(client)
    there = json.loads(store(clones.server, "sync-key", uid, "--to", "second", "--json"))
    assert not there["copied"], "it was replicated when it was made"
    forget(clones, uid, "second")
    done = json.loads(store(clones.server, "sync-key", uid, "--to", "second", "--from", "first", "--json"))
    assert (done["copied"], done["check_value"]) == (True, there["check_value"])
    assert all(len(values) == 1 for values in clones.compared().values())
    clones.first.vanish()
    assert client.call(Operation.GET, p.GetRequestPayload(unique_identifier=uid))
    client.close()


def test_sync_key_is_refused_with_the_reason(clones: Clones) -> None:
    """Every refusal there is."""
    server, seen = clones.server, set()
    client = Client.connect(server, server.enrol("ours", group="ours"))
    server.enrol("officer", role="operator")
    server.enrol("looker", group="ours", role="auditor")
    server.enrol("stranger")
    uid, fixed, gone = create(client), create(client, (Tag.EXTRACTABLE, FALSE)), create(client)
    client.call(Operation.DESTROY, p.DestroyRequestPayload(unique_identifier=gone))
    to = ("--to", "second")
    cases = {
        SyncRefusal.UNKNOWN_KEY: ("no-such-key", *to),
        SyncRefusal.DESTROYED: (gone, *to),
        SyncRefusal.UNKNOWN_MEMBER: (uid, "--to", "third"),
        SyncRefusal.SAME_MEMBER: (uid, *to, "--from", "second"),
        SyncRefusal.NOT_PERMITTED: (uid, *to, "--as", "stranger"),
    }
    for wanted, arguments in cases.items():
        assert refusal(clones, *arguments) is wanted
        seen.add(wanted)
    assert refusal(clones, uid, *to, "--as", "looker") is SyncRefusal.NOT_PERMITTED
    for who in ("ours", "officer"):
        store(server, "sync-key", uid, *to, "--as", who)
    assert "no client 'nobody'" in store(server, "sync-key", uid, *to, "--as", "nobody", code=1)
    sealer = Client.connect(server, server.enrol(group="sealed"))
    assert refusal(clones, create(sealer), *to) is SyncRefusal.NOT_IN_A_TOKEN
    elsewhere = Client.connect(server, server.enrol())
    assert refusal(clones, create(elsewhere), *to) is SyncRefusal.UNKNOWN_MEMBER
    assert refusal(clones, create(elsewhere), "--to", "file") is SyncRefusal.NO_COMMON_LINEAGE
    forget(clones, fixed, "second")
    assert refusal(clones, fixed, *to) is SyncRefusal.NOT_EXTRACTABLE
    forget(clones, fixed, "first")
    assert refusal(clones, fixed, *to) is SyncRefusal.SOURCE_UNAVAILABLE
    _plant_another_key(clones, uid)
    assert refusal(clones, uid, *to) is SyncRefusal.CONFLICT
    clones.second.vanish()
    assert refusal(clones, uid, *to) is SyncRefusal.TARGET_UNAVAILABLE
    clones.second.come_back()
    store(server, "disconnect", "ha")
    assert refusal(clones, uid, *to) is SyncRefusal.NOT_CONNECTED
    seen |= {
        SyncRefusal.NOT_IN_A_TOKEN,
        SyncRefusal.NO_COMMON_LINEAGE,
        SyncRefusal.NOT_EXTRACTABLE,
        SyncRefusal.SOURCE_UNAVAILABLE,
        SyncRefusal.CONFLICT,
        SyncRefusal.TARGET_UNAVAILABLE,
        SyncRefusal.NOT_CONNECTED,
    }
    assert set(SyncRefusal) - seen == {SyncRefusal.UNFIT}, "needs a member of another vendor"
    for one in (client, sealer, elsewhere):
        one.close()


def test_a_key_that_is_destroyed_while_it_is_copied_is_in_no_member(
    clones: Clones, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = Client.connect(clones.server, clones.server.enrol(group="ours"))
    uid = create(client)
    forget(clones, uid, "second")
    application, group = opened(clones)
    obj = application.registry.unit().get(uid)
    assert obj is not None
    take = Transport.take

    def meanwhile(self: Transport, transport_key: bytes, cka_id: bytes, parcel: Parcel) -> None:
        client.call(Operation.DESTROY, p.DestroyRequestPayload(unique_identifier=uid))
        take(self, transport_key, cka_id, parcel)

    monkeypatch.setattr(Transport, "take", meanwhile)
    with pytest.raises(SyncRefused) as caught:
        KeyStoreAdministration(application).syncing().key(uid, "second")
    assert caught.value.refusal is SyncRefusal.DESTROYED
    assert not any(member.exists(obj.cka_id) for member in group.members.values())
    assert application.registry.ledger("ha").copies(obj.cka_id) == []
    application.close()
    client.close()


def _plant_another_key(clones: Clones, uid: str) -> None:

    application, group = opened(clones)
    obj = application.registry.unit().get(uid)
    assert obj is not None
    group.members["second"].destroy(obj.cka_id)
    group.members["second"].generate_key(obj.cka_id, AES)
    application.close()


def test_a_single_token_becomes_a_group_with_all_its_keys(own_server: Server, tmp_path: Path) -> None:
    """Resident keys are copied; what is sealed under a key that cannot leave is sealed anew under one that all have."""
    first, second = (SpareToken.make(tmp_path / name, name) for name in ("first", "second"))
    own_server.configure("groups.ours", store="ha").configure("groups.sealed", store="ha", placement="wrapped")
    own_server.start(workers=1)
    store(own_server, "create", "ha", *first.options())
    store(own_server, "connect", "ha")
    clients = [Client.connect(own_server, own_server.enrol(group=group)) for group in ("ours", "sealed")]
    gets = [p.GetRequestPayload(unique_identifier=create(client)) for client in clients]
    fixed = create(clients[0], (Tag.EXTRACTABLE, FALSE))
    before = [client.call(Operation.GET, get) for client, get in zip(clients, gets, strict=True)]
    store(own_server, "disconnect", "ha")
    store(own_server, "add-member", "ha", "second", *second.options())
    Clones(own_server, first, second).hold_ceremony("second")
    store(own_server, "connect", "ha")
    text = store(own_server, "sync-all", "ha", "--to", "second", "--json", code=1)
    found, _ = json.JSONDecoder().raw_decode(text)
    assert found["counts"] == {"copied": 1, "sealed anew": 1, "refused": 1}
    assert [one["uid"] for one in found["refused"]] == [fixed]
    first.vanish()
    assert [client.call(Operation.GET, get) for client, get in zip(clients, gets, strict=True)] == before
    for client in clients:
        client.close()


def test_the_root_store_becomes_a_group(own_server: Server, tmp_path: Path) -> None:
    """The token of kmipd.toml gets a clone while the server runs, and the server starts again as a group."""
    second = SpareToken.make(tmp_path / "second", "second")
    own_server.configure("groups.sealed", placement="wrapped").start(workers=1)
    identities = [own_server.enrol(group=group) for group in ("resident", "sealed")]
    clients = [Client.connect(own_server, identity) for identity in identities]
    gets = [p.GetRequestPayload(unique_identifier=create(client)) for client in clients]
    before = [client.call(Operation.GET, get) for client, get in zip(clients, gets, strict=True)]
    store(own_server, "disconnect", "main")
    store(own_server, "add-member", "main", "second", *second.options())
    begun = json.loads(store(own_server, "clone", "begin", "main", "second", "--json"))
    store(own_server, "clone", "finish", "main", "second", "--fingerprint", begun["fingerprint"])
    store(own_server, "connect", "main")
    found = json.loads(store(own_server, "sync-all", "main", "--to", "second", "--json"))
    assert found["counts"] == {"copied": 1, "sealed anew": 1}
    for client in clients:
        client.close()
    assert own_server.stop() == 0
    own_server.start(workers=1)
    tokens = own_server.directory / "softhsm2" / "tokens"
    tokens.rename(tokens.with_name("away"))
    tokens.mkdir(mode=0o700)
    clients = [Client.connect(own_server, identity) for identity in identities]
    assert [client.call(Operation.GET, get) for client, get in zip(clients, gets, strict=True)] == before
    for client in clients:
        client.close()


def test_the_words_of_vendors_tools(clones: Clones) -> None:
    server = clones.server
    client = Client.connect(server, server.enrol("array1", group="ours"))
    server.enrol("officer", role="operator")
    uid = create(client)
    client.close()
    users = {row["name"]: row for row in json.loads(store(server, "list-users", "--store", "ha", "--json"))}
    assert (users["array1"]["type"], users["array1"]["keys"]) == ("CU", 1)
    assert users["officer"]["type"] == "CO"
    found = json.loads(store(server, "find-all-keys", "array1", "--store", "ha", "--json"))
    assert [(row["uid"], row["member"], row["label"]) for row in found] == [(uid, "first", uid), (uid, "second", uid)]
    assert all(isinstance(row["handle"], int) for row in found)
    assert json.loads(store(server, "find-all-keys", "officer", "--store", "ha", "--json")) == []
    assert "no client 'nobody' is enrolled" in store(server, "find-all-keys", "nobody", "--store", "ha", code=1)
    for command in ("list-users", "find-all-keys", "orphans"):
        assert "no key store 'nope'" in store(server, command, "--store", "nope", code=1)
    rows = json.loads(store(server, "get-attribute", uid, "CKA_EXTRACTABLE", "--json"))
    assert [(row["member"], row["value"]) for row in rows] == [("first", True), ("second", True)]
    shown = store(server, "get-attribute", uid, "--member", "first")
    assert "SENSITIVE" in shown
    assert "second" not in shown
    assert "never shown" in store(server, "get-attribute", uid, "VALUE", code=1)
    assert "no object" in store(server, "get-attribute", "nothing", code=1)
    assert json.loads(invoke("key", "show", uid, "--dir", server.directory, "--json"))["store"] == "ha"


def test_a_member_that_is_away_hides_no_other_one(clones: Clones) -> None:
    server = clones.server
    client = Client.connect(server, server.enrol("array1", group="ours"))
    uid = create(client)
    client.close()
    clones.second.vanish()
    for command in (("find-all-keys", "--store", "ha"), ("get-attribute", uid, "EXTRACTABLE")):
        shown, _, said = store(server, *command, "--json", code=4).partition("Error: ")
        assert {row["member"] for row in json.loads(shown)} == {"first"}
        assert said.startswith("the member 'second' does not answer")
