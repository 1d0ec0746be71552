"""What is remembered: schema, units of work, Locate against a plain search, wrapping keys, audit."""

from __future__ import annotations

import itertools
import json
import os
import resource
import sqlite3
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kmipd.core.model import AttributeSet, AuditEvent, CustomName, ManagedObject, Placement
from kmipd.core.registry_port import Conflict, Filter, LocateQuery, Match, NameTaken, RegistryUnavailable
from kmipd.registry import Registry, schema
from kmipd.registry.clients import CertificateRecord
from kmipd.registry.engine import RegistryError, open_engine
from kmipd.registry.registry import USES_BLOCK
from kmipd.registry.service_tables import metadata
from kmipd.registry.staged import _matches
from kmipd.spec.attributes import Name
from kmipd.spec.enumerations import CryptographicAlgorithm, NameType, ObjectType, State
from kmipd.spec.kinds import Item, ItemType
from kmipd.spec.masks import CryptographicUsageMask
from kmipd.spec.tags import Tag

NOW = 1_000_000
_numbers = itertools.count()


def name(text: str) -> Name:
    return Name(name_value=text, name_type=NameType.UNINTERPRETED_TEXT_STRING)


def text_item(value: str) -> Item:
    return Item(Tag.ATTRIBUTE_VALUE, ItemType.TEXT_STRING, value)


def an_object(**changes: Any) -> ManagedObject:
    number = next(_numbers)
    attributes = changes.pop("attributes", AttributeSet()).put(Tag.INITIAL_DATE, NOW)
    values = {
        "uid": f"uid-{number}",
        "object_type": ObjectType.SYMMETRIC_KEY,
        "group": "g",
        "owner": "o",
        "key_id": f"key-{number}",
        "key_version": 1,
        "store": "main",
        "placement": Placement.WRAPPED,
        "attributes": attributes,
        "state": State.PRE_ACTIVE,
        "sealed": b"sealed",
        "wrapping_key": b"kek",
    }
    return ManagedObject(**(values | changes))


def add(registry: Registry, *objects: ManagedObject) -> None:
    unit = registry.unit()
    for obj in objects:
        unit.add(obj)
    unit.commit()


# Schema ------------------------------------------------------------------------------------------------------


def test_the_migrations_make_the_declared_tables(registry: Registry) -> None:
    with open_engine(registry.path).connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


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


# Locate ------------------------------------------------------------------------------------------------------

_NAMES = st.sampled_from(["a", "b", "c"])
_ALGORITHMS = st.sampled_from([CryptographicAlgorithm.AES, CryptographicAlgorithm.TRIPLE_DES])
_MASKS = st.sampled_from([CryptographicUsageMask(m) for m in (0, 4, 12, 15)])
_DATES = st.integers(NOW - 3, NOW + 3)
_TYPES = st.sampled_from([ObjectType.SYMMETRIC_KEY, ObjectType.SECRET_DATA])
_STATES = st.sampled_from(list(State))


@st.composite
def _objects(draw: st.DrawFn) -> ManagedObject:
    attributes = AttributeSet().put(Tag.CRYPTOGRAPHIC_ALGORITHM, draw(_ALGORITHMS))
    attributes = attributes.put(Tag.NAME, *[name(n) for n in draw(st.sets(_NAMES, max_size=2))])
    attributes = attributes.put(Tag.CRYPTOGRAPHIC_USAGE_MASK, draw(_MASKS))
    if draw(st.booleans()):
        attributes = attributes.put(Tag.ACTIVATION_DATE, draw(_DATES))
    if draw(st.booleans()):
        attributes = attributes.put(Tag.DEACTIVATION_DATE, draw(_DATES))
    if draw(st.booleans()):
        attributes = attributes.put(CustomName("x", "k"), text_item(draw(_NAMES)))
    if draw(st.booleans()):
        attributes = attributes.put(Tag.ARCHIVE_DATE, NOW)
    state = draw(_STATES)
    gone = state in (State.DESTROYED, State.DESTROYED_COMPROMISED)
    return an_object(
        attributes=attributes,
        state=state,
        object_type=draw(_TYPES),
        group=draw(st.sampled_from(["g", "h"])),
        placement=Placement.GONE if gone else Placement.WRAPPED,
    )


_FILTERS = st.one_of(
    _NAMES.map(lambda n: Filter(Tag.NAME, Match.EQUAL, name(n))),
    _ALGORITHMS.map(lambda a: Filter(Tag.CRYPTOGRAPHIC_ALGORITHM, Match.EQUAL, a)),
    _MASKS.map(lambda m: Filter(Tag.CRYPTOGRAPHIC_USAGE_MASK, Match.ALL_BITS, m)),
    _DATES.map(lambda d: Filter(Tag.ACTIVATION_DATE, Match.EQUAL, d)),
    _DATES.map(lambda d: Filter(Tag.ACTIVATION_DATE, Match.AT_LEAST, d)),
    _DATES.map(lambda d: Filter(Tag.ACTIVATION_DATE, Match.AT_MOST, d)),
    _NAMES.map(lambda n: Filter(CustomName("x", "k"), Match.EQUAL, text_item(n))),
)
_QUERIES = st.builds(
    LocateQuery,
    group=st.sampled_from(["g", "h", None]),
    filters=st.lists(_FILTERS, max_size=3).map(tuple),
    states=st.lists(_STATES, max_size=2, unique=True).map(tuple),
    object_type=st.none() | _TYPES,
    online=st.booleans(),
    archived=st.booleans(),
    destroyed=st.booleans(),
    now=st.just(NOW),
    offset=st.integers(0, 3),
    limit=st.none() | st.integers(1, 4),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(objects=st.lists(_objects(), min_size=1, max_size=12), queries=st.lists(_QUERIES, min_size=1, max_size=8))
def test_locate_finds_what_a_plain_search_finds(
    tmp_path_factory: pytest.TempPathFactory, objects: list[ManagedObject], queries: list[LocateQuery]
) -> None:
    directory = tmp_path_factory.mktemp("locate")
    schema.upgrade(directory / "registry.db")
    registry = Registry(directory / "registry.db", directory / "audit.log")
    add(registry, *objects)
    for query in queries:
        expected = [o.uid for o in objects if _matches(o, query)]
        end = None if query.limit is None else query.offset + query.limit
        found = registry.unit().locate(query)
        assert sorted(found.uids) == sorted(found.uids)
        everything = registry.unit().locate(replace(query, offset=0, limit=None)).uids
        assert sorted(everything) == sorted(expected)
        assert found.uids == everything[query.offset : end], "a page is a slice of the whole, in one stable order"
        assert found.total in (None, len(expected))
    registry.close()


def test_locate_by_name_uses_the_index(registry: Registry) -> None:
    from kmipd.registry.locate import _build, _entry

    query = LocateQuery(group="g", filters=(Filter(Tag.NAME, Match.EQUAL, name("a")),), now=NOW)
    link = registry._connections.get()
    statement = _build(query, list(query.filters), [_entry(query.filters[0])], count=False)
    sql = str(statement.compile(dialect=link.dialect))
    plan = [row[3] for row in link.raw.execute(f"EXPLAIN QUERY PLAN {sql}", [1] * sql.count("?"))]
    assert "ix_object_attribute_digest" in plan[0]
    assert "PRIMARY KEY" in plan[1]


def test_locate_sees_what_is_staged(registry: Registry) -> None:
    """The newest first; what was changed keeps its place, what no longer matches is gone."""
    old, kept, gone = (an_object(attributes=AttributeSet().put(Tag.NAME, name(n))) for n in ("old", "kept", "gone"))
    add(registry, old, kept, gone)
    unit = registry.unit()
    for obj, state in ((kept, State.ACTIVE), (gone, State.DESTROYED)):
        found = unit.get(obj.uid)
        assert found is not None
        placement = Placement.GONE if state is State.DESTROYED else Placement.WRAPPED
        unit.put(replace(found, state=state, placement=placement))
    fresh = an_object()
    unit.add(fresh)
    located = unit.locate(LocateQuery(group="g", now=NOW))
    assert located.uids == (fresh.uid, kept.uid, old.uid)
    assert unit.locate(LocateQuery(group="g", now=NOW, offset=1, limit=1)).uids == (kept.uid,)
    assert registry.unit().locate(LocateQuery(group="g", now=NOW)).uids == (gone.uid, kept.uid, old.uid)


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
