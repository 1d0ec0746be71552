"""The entries that Locate searches follow the objects: none is ever missed, none stands twice."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from alembic import command

from kmipd.core.model import AttributeSet, ManagedObject, Placement
from kmipd.core.registry_port import Filter, LocateQuery, Match, NameTaken
from kmipd.registry import Registry, schema
from kmipd.registry.engine import open_engine
from kmipd.registry.indexing import BATCH
from kmipd.spec.enumerations import ObjectType, State
from kmipd.spec.tags import Tag
from tests.registry.objects import NOW, add, name


def an_object(number: int, **attributes: object) -> ManagedObject:
    found = AttributeSet({}).put(Tag.INITIAL_DATE, NOW + number).put(Tag.NAME, name(f"n{number}"))
    for tag, value in attributes.items():
        found = found.put(Tag[tag], value)
    return ManagedObject(
        uid=f"uid-{number}",
        object_type=ObjectType.SYMMETRIC_KEY,
        group="g",
        owner="o",
        key_id=f"key-{number}",
        key_version=1,
        store="main",
        placement=Placement.WRAPPED,
        attributes=found,
        state=State.PRE_ACTIVE,
        sealed=b"sealed",
        wrapping_key=b"kek",
    )


def put(registry: Registry, uid: str, tag: Tag, value: object) -> None:
    unit = registry.unit()
    found = unit.get(uid)
    assert found is not None
    unit.put(replace(found, attributes=found.attributes.put(tag, value)))
    unit.commit()


def located(registry: Registry, tag: Tag, value: object) -> list[str]:
    query = LocateQuery(group="g", filters=(Filter(tag, Match.EQUAL, value),), now=NOW)
    return list(registry.unit().locate(query).uids)


def entries(registry: Registry) -> int:
    (count,) = registry._connections.get().raw.execute("SELECT count(*) FROM object_attribute").fetchone()
    return int(count)


def test_a_commit_writes_names_and_locate_the_rest(registry: Registry) -> None:
    add(registry, *(an_object(n) for n in range(3)))
    assert entries(registry) == 3
    assert located(registry, Tag.INITIAL_DATE, NOW + 1) == ["uid-1"]
    assert entries(registry) == 6
    assert located(registry, Tag.NAME, name("n2")) == ["uid-2"]
    assert entries(registry) == 6, "indexed once"


def test_it_catches_up_by_itself(registry: Registry) -> None:
    for n in range(BATCH):
        add(registry, an_object(n))
    assert entries(registry) == 2 * BATCH


def test_what_a_process_that_died_has_not_indexed_is_found(registry: Registry, other: Registry) -> None:
    add(registry, an_object(1))
    assert located(other, Tag.INITIAL_DATE, NOW + 1) == ["uid-1"]
    add(other, an_object(2))
    assert located(registry, Tag.INITIAL_DATE, NOW + 2) == ["uid-2"]
    assert entries(registry) == 4


@pytest.mark.parametrize("writer", ["the same process", "another one"])
def test_a_change_before_the_entries_are_written(registry: Registry, other: Registry, writer: str) -> None:
    add(registry, an_object(1))
    changing = registry if writer == "the same process" else other
    put(changing, "uid-1", Tag.INITIAL_DATE, NOW + 5)
    put(changing, "uid-1", Tag.NAME, name("other"))
    assert entries(registry) == 1
    assert located(registry, Tag.INITIAL_DATE, NOW + 1) == located(registry, Tag.NAME, name("n1")) == []
    assert located(registry, Tag.INITIAL_DATE, NOW + 5) == located(registry, Tag.NAME, name("other")) == ["uid-1"]
    put(changing, "uid-1", Tag.INITIAL_DATE, NOW + 6)
    assert located(registry, Tag.INITIAL_DATE, NOW + 6) == ["uid-1"]
    assert entries(registry) == 2


def test_a_name_is_taken_before_the_rest_is_indexed(registry: Registry, other: Registry) -> None:
    add(registry, an_object(1))
    with pytest.raises(NameTaken):
        other.unit().require_unique_name("g", name("n1"), "uid-2")


def test_locate_answers_while_nothing_can_be_written(registry: Registry) -> None:
    add(registry, an_object(1), an_object(2))
    assert located(registry, Tag.INITIAL_DATE, NOW + 1) == ["uid-1"]
    add(registry, an_object(3), an_object(4))
    link = registry._connections.get()
    link.raw.execute("PRAGMA query_only = ON")
    assert located(registry, Tag.INITIAL_DATE, NOW + 3) == ["uid-3"]
    everything = LocateQuery(group="g", now=NOW)
    assert registry.unit().locate(everything).uids == ("uid-4", "uid-3", "uid-2", "uid-1")
    assert registry.unit().locate(replace(everything, offset=1, limit=2)).uids == ("uid-3", "uid-2")
    link.raw.execute("PRAGMA query_only = OFF")
    assert located(registry, Tag.INITIAL_DATE, NOW + 3) == ["uid-3"]
    assert entries(registry) == 8


def test_what_was_there_before_the_upgrade_is_not_indexed_again(tmp_path: Path) -> None:
    path = tmp_path / "registry.db"
    schema.upgrade(path)
    registry = Registry(path, tmp_path / "audit.log")
    add(registry, an_object(1))
    assert located(registry, Tag.INITIAL_DATE, NOW + 1) == ["uid-1"]
    registry.close()
    engine = open_engine(path)
    with engine.connect() as connection:  # as the release before left it
        connection.exec_driver_sql("DROP TABLE index_progress")
        connection.exec_driver_sql("DROP INDEX ix_managed_object_cka_id")
        connection.exec_driver_sql("CREATE INDEX ix_managed_object_cka_id ON managed_object (cka_id)")
        command.stamp(schema._config(connection), "0002")
        command.upgrade(schema._config(connection), "0003")
        command.stamp(schema._config(connection), "head")  # what came later is there already
    engine.dispose()
    upgraded = Registry(path, tmp_path / "audit.log")
    add(upgraded, an_object(2))
    assert located(upgraded, Tag.INITIAL_DATE, NOW + 1) == ["uid-1"]
    assert located(upgraded, Tag.INITIAL_DATE, NOW + 2) == ["uid-2"]
    assert entries(upgraded) == 4
    upgraded.close()
