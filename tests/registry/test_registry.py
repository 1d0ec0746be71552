"""What is remembered: schema, units of work, wrapping keys, audit."""

from __future__ import annotations

import json
import os
import resource
import sqlite3
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from kmipd.core.model import AttributeSet, AuditEvent, CustomName, Placement
from kmipd.core.registry_port import Conflict, NameTaken, RegistryUnavailable
from kmipd.registry import Registry, schema
from kmipd.registry.clients import CertificateRecord
from kmipd.registry.engine import RegistryError, open_engine
from kmipd.registry.registry import USES_BLOCK
from kmipd.registry.service_tables import metadata
from kmipd.spec.enumerations import CryptographicAlgorithm, State
from kmipd.spec.tags import Tag
from tests.registry.objects import NOW, add, an_object, name, text_item

# Schema ------------------------------------------------------------------------------------------------------


def test_the_migrations_make_the_declared_tables(registry: Registry) -> None:
    engine = open_engine(registry.path)
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    engine.dispose()


def test_commits_are_on_the_disk(registry: Registry) -> None:
    link = registry._connections.get()
    assert link.raw.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert link.raw.execute("PRAGMA synchronous").fetchone() == (2,)


def test_an_old_or_missing_registry_is_said(tmp_path: Path) -> None:
    with pytest.raises(RegistryError, match="kmipd init"):
        schema.require_current(tmp_path / "none.db")
    sqlite3.connect(tmp_path / "empty.db").close()
    with pytest.raises(RegistryError, match="kmipd init"):
        Registry(tmp_path / "none.db", tmp_path / "audit.log")
    assert not (tmp_path / "none.db").exists()
    (tmp_path / "broken.db").write_bytes(bytes(range(256)) * 40)
    with pytest.raises(RegistryError, match="not a database"):
        schema.require_current(tmp_path / "broken.db")
    broken = Registry(tmp_path / "broken.db", tmp_path / "audit.log")
    with pytest.raises(RegistryError, match="not a database"):
        broken.clients.all()
    broken.close()
    with pytest.raises(RegistryError, match="kmipd upgrade"):
        schema.require_current(tmp_path / "empty.db")
    schema.upgrade(tmp_path / "empty.db")
    schema.require_current(tmp_path / "empty.db")


# Units of work -----------------------------------------------------------------------------------------------


def test_an_object_comes_back_as_it_was(registry: Registry) -> None:
    attributes = (
        AttributeSet()
        .put(Tag.CRYPTOGRAPHIC_ALGORITHM, CryptographicAlgorithm.AES)
        .put(Tag.NAME, name("a"), name("b"))
        .append(CustomName("x", "Vendor"), text_item("v" * 300))
        .append(CustomName("vendor", "other"), text_item("w"))
    )
    b = attributes.instances(Tag.NAME)[1]
    attributes = attributes.put_instances(Tag.NAME, (b,))  # index 1 stays when index 0 is deleted
    obj = an_object(attributes=attributes)
    add(registry, obj)
    found = registry.unit().get(obj.uid)
    assert found is not None
    assert found == obj
    assert found.attributes.instances(Tag.NAME) == (b,)


def test_nothing_is_seen_before_commit_and_nothing_stays_after_rollback(registry: Registry) -> None:
    obj = an_object()
    unit = registry.unit()
    unit.add(obj)
    assert unit.get(obj.uid) is obj
    assert registry.unit().get(obj.uid) is None
    undone = []
    unit.on_rollback(lambda: undone.append(1))
    unit.rollback()
    assert undone == [1]
    assert registry.unit().get(obj.uid) is None


def test_two_units_that_change_one_object_conflict(registry: Registry) -> None:
    obj = an_object()
    add(registry, obj)
    first, second = registry.unit(), registry.unit()
    for unit, state in ((first, State.ACTIVE), (second, State.COMPROMISED)):
        found = unit.get(obj.uid)
        assert found is not None
        unit.put(replace(found, state=state))
    first.commit()
    with pytest.raises(Conflict):
        second.commit()
    found = registry.unit().get(obj.uid)
    assert found is not None
    assert found.state is State.ACTIVE


def test_names_are_unique_in_a_group_and_free_after_destroy(registry: Registry) -> None:
    holder = an_object(attributes=AttributeSet().put(Tag.NAME, name("volume")))
    add(registry, holder)
    with pytest.raises(NameTaken):
        registry.unit().require_unique_name("g", name("volume"), "another")
    registry.unit().require_unique_name("another group", name("volume"), "another")
    registry.unit().require_unique_name("g", name("volume"), holder.uid)
    unit = registry.unit()
    found = unit.get(holder.uid)
    assert found is not None
    unit.put(replace(found, placement=Placement.GONE, state=State.DESTROYED))
    unit.commit()
    registry.unit().require_unique_name("g", name("volume"), "another")


def test_one_of_two_racing_names_wins(registry: Registry) -> None:
    units = [registry.unit() for _ in range(2)]
    for unit in units:
        obj = an_object(attributes=AttributeSet().put(Tag.NAME, name("same")))
        unit.require_unique_name("g", name("same"), obj.uid)
        unit.add(obj)
    units[0].commit()
    with pytest.raises(NameTaken):
        units[1].commit()


def test_a_version_of_a_key_is_made_once(registry: Registry) -> None:
    add(registry, an_object(key_id="k"))
    with pytest.raises(Conflict):
        add(registry, an_object(key_id="k"))


def test_an_intent_that_recovery_took_away_fails_the_unit(registry: Registry) -> None:
    registry.open_intent(b"1" * 16, "main", "key", NOW)
    unit = registry.unit()
    unit.add(an_object(cka_id=b"1" * 16, placement=Placement.RESIDENT))
    unit.close_intent(b"1" * 16)
    registry.drop_intent(b"1" * 16)
    with pytest.raises(Conflict):
        unit.commit()
    assert not registry.knows_cka_id(b"1" * 16)


def test_writers_queue(registry: Registry) -> None:
    """Sixteen threads, no conflict, no "database is locked"."""
    errors: list[Exception] = []

    def write() -> None:
        try:
            for _ in range(20):
                add(registry, an_object())
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=write) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert registry.counts() == {"wrapped": 320}


# Wrapping keys and audit -------------------------------------------------------------------------------------


def test_uses_of_a_wrapping_key_are_bounded(registry: Registry) -> None:
    assert registry.take_wrapping_use("main") is None
    registry.open_intent(b"kek", "main", "wrapping key", NOW)
    registry.add_wrapping_key(b"kek", "main", 2 * USES_BLOCK, NOW)
    taken = [registry.take_wrapping_use("main") for _ in range(2 * USES_BLOCK)]
    assert set(taken) == {b"kek"}
    assert registry.take_wrapping_use("main") is None


def test_audit_lines_are_json_whatever_is_in_them(registry: Registry, tmp_path: Path) -> None:
    event = AuditEvent(time=1, principal='a"\\\n\u2603', group="g", operation="GET", uid="u", result="success")
    registry.record(event)
    line = json.loads((tmp_path / "audit.log").read_text())
    assert line == {
        "time": 1,
        "principal": 'a"\\\n\u2603',
        "group": "g",
        "operation": "GET",
        "uid": "u",
        "result": "success",
        "reason": "",
        "peer": "",
        "place": "",
    }


def test_the_audit_log_is_reopened_in_place(registry: Registry, tmp_path: Path) -> None:
    event = AuditEvent(time=1, principal="p", group="g", operation="GET", uid="u", result="success")
    registry.record(event)
    (tmp_path / "audit.log").rename(tmp_path / "rotated")
    number = registry._audit_log._fd
    registry.reopen_audit_log()
    registry.record(event)
    # A thread that writes at this moment holds the number: it must stay the log's, and never become a client's socket.
    assert registry._audit_log._fd == number
    assert not os.get_inheritable(number)
    assert [len((tmp_path / file).read_text().splitlines()) for file in ("rotated", "audit.log")] == [1, 1]


def test_half_an_audit_line_is_not_a_line(registry: Registry, tmp_path: Path) -> None:
    event = AuditEvent(time=1, principal="p", group="g", operation="GET", uid="u", result="success")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50, before[1]))
    try:
        with pytest.raises(RegistryUnavailable, match=r"audit\.log"):
            registry.record(event)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_changes_are_audited_in_their_transaction(registry: Registry) -> None:
    obj = an_object()
    unit = registry.unit()
    unit.add(obj)
    event = AuditEvent(time=1, principal="p", group="g", operation="CREATE", uid=obj.uid, result="success")
    unit.audit(event)
    unit.commit()
    assert registry.history(obj.uid) == [event]


def test_a_revoked_certificate_is_remembered(registry: Registry) -> None:
    registry.clients.add("array", "arrays", "client", NOW)
    registry.clients.add_certificate(
        "array", CertificateRecord(fingerprint="f", subject="s", issuer="i", serial="1", not_before=0, not_after=NOW)
    )
    assert not registry.clients.revoked("f")
    registry.clients.revoke("array", NOW)
    assert registry.clients.revoked("f")
    assert not registry.clients.revoked("never enrolled")


def test_a_claimed_intent_cannot_be_closed(registry: Registry) -> None:
    """A slow request must not record a token object that recovery is about to remove."""
    registry.open_intent(b"1" * 16, "main", "key", NOW)
    unit = registry.unit()
    unit.add(an_object(cka_id=b"1" * 16, placement=Placement.RESIDENT))
    unit.close_intent(b"1" * 16)
    assert registry.claim_intent(b"1" * 16)
    with pytest.raises(Conflict):
        unit.commit()
    assert not registry.knows_cka_id(b"1" * 16)
    with pytest.raises(Conflict):
        registry.add_wrapping_key(b"1" * 16, "main", 10, NOW)
    registry.drop_intent(b"1" * 16)
    assert not registry.claim_intent(b"1" * 16)
