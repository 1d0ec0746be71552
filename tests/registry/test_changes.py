"""What was read is not read again while nobody writes, and never believed after somebody has."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from kmipd.registry import Registry
from kmipd.registry.changes import Changes
from kmipd.registry.engine import RegistryError, WriteLock
from kmipd.spec.tags import Tag
from tests.registry.objects import add, name
from tests.registry.test_indexing import an_object, put

_DYING = """
import os, pathlib, sys
from kmipd.registry.engine import WriteLock
lock = WriteLock(pathlib.Path(sys.argv[1]))
lock.__enter__()
lock.changes.begin_rules()
os._exit(0)  # as when killed: nothing of ours runs any more
"""


@contextmanager
def statements(registry: Registry) -> Iterator[list[str]]:
    """The statements this thread gives to SQLite."""
    seen: list[str] = []
    raw = registry._connections.get().raw
    raw.set_trace_callback(seen.append)
    yield seen
    raw.set_trace_callback(None)


def named(registry: Registry, uid: str) -> object:
    found = registry.unit().get(uid)
    assert found is not None
    return found.attributes.get(Tag.NAME)


def test_what_nobody_changed_is_not_read_again(registry: Registry) -> None:
    add(registry, an_object(1))
    assert named(registry, "uid-1") == name("n1")
    with statements(registry) as seen:
        assert named(registry, "uid-1") == name("n1")
    assert seen == []


def test_a_change_is_seen_at_once_whoever_made_it(registry: Registry, other: Registry) -> None:
    add(registry, an_object(1))
    assert named(registry, "uid-1") == named(other, "uid-1") == name("n1")
    for n, (writer, reader) in enumerate([(registry, other), (other, registry), (registry, registry)]):
        put(writer, "uid-1", Tag.NAME, name(f"changed {n}"))
        assert named(reader, "uid-1") == name(f"changed {n}")


def test_nothing_is_remembered_while_somebody_writes(registry: Registry, other: Registry) -> None:
    add(registry, an_object(1))
    with other._connections.transaction():
        assert named(registry, "uid-1") == name("n1")
        with statements(registry) as seen:
            assert named(registry, "uid-1") == name("n1")
        assert seen
    put(other, "uid-1", Tag.NAME, name("changed"))
    assert named(registry, "uid-1") == name("changed")


def test_a_writer_that_dies_leaves_nobody_believing(registry: Registry) -> None:
    add(registry, an_object(1))
    assert named(registry, "uid-1") == name("n1")
    lock = str(registry.path.with_name(f"{registry.path.name}.lock"))
    subprocess.run([sys.executable, "-c", _DYING, lock], check=True)
    for _ in range(2):
        with statements(registry) as seen:
            assert named(registry, "uid-1") == name("n1")
        assert seen
    put(registry, "uid-1", Tag.NAME, name("changed"))
    assert named(registry, "uid-1") == name("changed")
    with statements(registry) as seen:
        assert named(registry, "uid-1") == name("changed")
    assert seen == []


def test_readers_beside_a_writer_never_go_back(registry: Registry, other: Registry) -> None:
    add(registry, an_object(1, CRYPTOGRAPHIC_LENGTH=0))
    rounds, over = 150, threading.Event()

    def write() -> None:
        try:
            for n in range(1, rounds + 1):
                put(other, "uid-1", Tag.CRYPTOGRAPHIC_LENGTH, n)
        finally:
            over.set()

    writer = threading.Thread(target=write)
    writer.start()
    seen = [0]
    while not over.is_set():
        found = registry.unit().get("uid-1")
        assert found is not None
        seen.append(found.attributes.get(Tag.CRYPTOGRAPHIC_LENGTH))
    writer.join()
    assert seen == sorted(seen)
    assert registry.unit().get("uid-1").attributes.get(Tag.CRYPTOGRAPHIC_LENGTH) == rounds  # type: ignore[union-attr]


def lay_down(registry: Registry, body: bytes | None) -> None:
    unit = registry.unit()
    unit.put_rules("group", "defaults", body)
    unit.commit()


def test_rules_are_read_again_when_somebody_laid_down_others(registry: Registry, other: Registry) -> None:
    number = itertools.count(1)
    for body in (b"first", b"second", None, b"third"):
        lay_down(other, body)
        for reader in (registry, other):
            expected = {} if body is None else {"defaults": body}
            assert reader.unit().rules("group") == expected
            add(registry, an_object(next(number)))  # whatever else is written leaves the rules as they are
            with statements(reader) as seen:
                assert reader.unit().rules("group") == expected
            assert seen == []


def test_rules_are_not_believed_while_they_change(registry: Registry, other: Registry) -> None:
    lay_down(registry, b"first")
    assert registry.unit().rules("group") == {"defaults": b"first"}
    with other._connections.transaction():
        other._connections.changes.begin_rules()
        with statements(registry) as seen:
            assert registry.unit().rules("group") == {"defaults": b"first"}
        assert seen
    lay_down(other, b"second")
    assert registry.unit().rules("group") == {"defaults": b"second"}


def test_a_writer_that_dies_leaves_nobody_believing_rules(registry: Registry) -> None:
    lay_down(registry, b"first")
    lock = str(registry.path.with_name(f"{registry.path.name}.lock"))
    subprocess.run([sys.executable, "-c", _DYING, lock], check=True)
    for _ in range(2):
        with statements(registry) as seen:
            assert registry.unit().rules("group") == {"defaults": b"first"}
        assert seen
    add(registry, an_object(1))  # whoever writes next settles it
    assert registry.unit().rules("group") == {"defaults": b"first"}
    with statements(registry) as seen:
        assert registry.unit().rules("group") == {"defaults": b"first"}
    assert seen == []


def test_a_full_disk_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(RegistryError, match="No space left"):
        WriteLock(tmp_path / "registry.db.lock")


def test_the_number_outlives_its_processes(tmp_path: Path) -> None:
    fd = os.open(tmp_path / "mark", os.O_RDWR | os.O_CREAT)
    first = Changes(fd)
    before = first.mark()
    first.begin()
    assert first.mark() is None
    first.end()
    first.close()
    second = Changes(fd)
    assert second.mark() not in (None, before)
    second.close()
    os.close(fd)
