"""Locate, against a plain search of everything."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kmipd.core.model import AttributeSet, CustomName, ManagedObject, Placement
from kmipd.core.registry_port import Filter, LocateQuery, Match
from kmipd.registry import Registry, schema
from kmipd.registry.staged import _matches
from kmipd.spec.enumerations import CryptographicAlgorithm, ObjectType, State
from kmipd.spec.masks import CryptographicUsageMask
from kmipd.spec.tags import Tag
from tests.registry.objects import NOW, add, an_object, name, text_item

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
