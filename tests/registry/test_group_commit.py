"""Writers that wait together are written together, each for himself."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from kmipd.core.registry_port import Conflict, NameTaken, RegistryUnavailable
from kmipd.registry import Registry
from kmipd.registry.engine import Link
from kmipd.spec.tags import Tag
from tests.registry.objects import add, name
from tests.registry.test_indexing import an_object, put

FOREIGN = "INSERT INTO certificate VALUES ('f', 'nobody', 's', 'i', '1', 0, 0, NULL)"  # of a client that is not there


def at_once(registry: Registry, *calls: Callable[[], None]) -> tuple[list[Exception | None], int]:
    """Run the calls so that all of them wait for the same turn; what each raised, and how many transactions it took."""
    raised: list[Exception | None] = [None] * len(calls)

    def run(index: int) -> None:
        try:
            calls[index]()
        except Exception as error:
            raised[index] = error

    threads = [threading.Thread(target=run, args=(i,)) for i in range(len(calls))]
    with registry._group._turn:
        for count, thread in enumerate(threads, 1):
            thread.start()
            while len(registry._group._waiting) < count:
                time.sleep(0.001)
        before = registry._connections.changes.mark()
    for thread in threads:
        thread.join()
    after = registry._connections.changes.mark()
    assert before is not None
    assert after is not None
    return raised, (after - before) // 2


def names(registry: Registry, *numbers: int) -> list[object]:
    found = [registry.unit().get(f"uid-{n}") for n in numbers]
    return [None if obj is None else obj.attributes.get(Tag.NAME) for obj in found]


def test_one_transaction_holds_all_that_wait(registry: Registry) -> None:
    raised, transactions = at_once(registry, *(lambda n=n: add(registry, an_object(n)) for n in range(5)))
    assert raised == [None] * 5
    assert transactions == 1
    assert names(registry, *range(5)) == [name(f"n{n}") for n in range(5)]


def test_who_conflicts_takes_back_his_own_changes_only(registry: Registry) -> None:
    add(registry, an_object(1))

    def take_the_name_of_2() -> None:
        unit = registry.unit()
        unit.require_unique_name("g", name("n2"), "uid-9")
        unit.add(an_object(9))
        unit.add(an_object(8, NAME=name("n2")))
        unit.commit()

    stale = registry.unit()
    found = stale.get("uid-1")
    assert found is not None
    stale.add(an_object(7))
    stale.put(found)
    calls = [
        lambda: add(registry, an_object(2)),
        take_the_name_of_2,
        lambda: put(registry, "uid-1", Tag.NAME, name("first")),
        stale.commit,
        lambda: add(registry, an_object(3)),
    ]
    raised, transactions = at_once(registry, *calls)
    assert [type(error) for error in raised] == [type(None), NameTaken, type(None), Conflict, type(None)]
    assert transactions == 1
    assert names(registry, 1, 2, 3, 7, 8, 9) == [name("first"), name("n2"), name("n3"), None, None, None]


def test_who_comes_while_another_fails_is_not_failed_with_him(registry: Registry) -> None:
    came = threading.Thread(target=lambda: add(registry, an_object(1)))

    def fail(_: Link) -> None:
        came.start()
        while not registry._group._waiting:
            time.sleep(0.001)
        raise Conflict("mine alone")

    with pytest.raises(Conflict, match="mine alone"):
        registry._group.write(fail)
    came.join()
    assert names(registry, 1) == [name("n1")]


def test_a_commit_that_fails_fails_for_all(registry: Registry) -> None:
    def broken(link: Link) -> None:
        link.run("PRAGMA defer_foreign_keys = ON")  # looked at by the commit, which then fails
        link.run(FOREIGN)

    raised, _ = at_once(
        registry,
        lambda: add(registry, an_object(1)),
        lambda: registry._group.write(broken),
        lambda: add(registry, an_object(2)),
    )
    assert all(isinstance(error, RegistryUnavailable) for error in raised)
    assert names(registry, 1, 2) == [None, None]
    add(registry, an_object(1))
    assert names(registry, 1) == [name("n1")]


def test_a_lock_that_cannot_be_had_fails_for_all(registry: Registry) -> None:
    registry._connections.get().raw.execute("PRAGMA busy_timeout = 1")

    def refused() -> None:
        link = registry._connections.get()
        link.raw.execute("PRAGMA busy_timeout = 1")
        add(registry, an_object(1))

    other = Registry(registry.path, registry.path.with_name("audit.log"))
    raw = other._connections.get().raw
    raw.execute("BEGIN IMMEDIATE")  # past our lock
    raised, _ = at_once(registry, refused, refused)
    raw.execute("ROLLBACK")
    other.close()
    assert all(isinstance(error, RegistryUnavailable) for error in raised)
    assert names(registry, 1) == [None]
