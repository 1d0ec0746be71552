"""The key stores of one process follow the registry, and what workers see of them is told truly."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from kmipd.core.errors import StoreNotConnected
from kmipd.core.keystores import ConnectionState as S
from kmipd.core.keystores import KeyStoreRecord, Member, PinKind, PinSource
from kmipd.core.ports import StoreHealth
from kmipd.keystores import connecting, directory, observations
from kmipd.keystores.directory import StoreDirectory
from kmipd.keystores.observations import StoreSeen
from kmipd.keystores.opening import Opener
from kmipd.keystores.watching import Watcher


class Recording:
    """Stands for an opened store: says what is done to it."""

    def __init__(self, record: KeyStoreRecord) -> None:
        self.name = record.name
        self.connection = record.connection
        self.closed = threading.Event()
        self.may_close = threading.Event()
        self.may_close.set()

    def health(self) -> StoreHealth:
        return StoreHealth(up=True, reason="ok", epoch=1)

    def connect(self) -> None: ...

    def stuck(self) -> str:
        return ""

    def random(self, size: int) -> bytes:
        return bytes(size)

    def close(self) -> None:
        self.may_close.wait(10)
        self.closed.set()


def made() -> StoreDirectory:
    opened: Callable[[KeyStoreRecord], Any] = Recording
    return StoreDirectory(opened)


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


RECORD = KeyStoreRecord(name="hsm2", state=S.CONNECTED, connection=1)


@pytest.mark.parametrize("state", [state for state in S if state is not S.CONNECTED])
def test_only_what_is_connected_is_open(state: S) -> None:
    stores = made()
    stores.follow([RECORD])
    opened: Any = stores.stores["hsm2"]
    assert stores.stores["hsm2"].random(2) == bytes(2)
    stores.follow([replace(RECORD, state=state)])
    with pytest.raises(StoreNotConnected, match=state.value):
        stores.stores["hsm2"].random(2)
    assert opened.closed.wait(10)
    until(lambda: not stores.holds("hsm2"))
    stores.follow([])
    assert stores.stores == {}


def test_another_connection_is_another_store_and_the_same_one_is_kept() -> None:
    stores = made()
    stores.follow([RECORD])
    first: Any = stores.stores["hsm2"]
    stores.follow([replace(RECORD, description="a change that matters to nobody")])
    assert stores.stores["hsm2"] is first
    stores.follow([replace(RECORD, connection=2)])
    assert first.closed.wait(10)
    assert stores.connection("hsm2") == 2
    assert stores.stores["hsm2"] is not first


def test_a_store_that_could_not_be_opened_is_opened_by_the_next_look_and_keeps_no_other_waiting() -> None:
    """The registry may be away just then: what it knows of a group is needed to open that."""
    refusals = [OSError("the registry is away")]

    def open_store(record: KeyStoreRecord) -> Any:
        if record.name == "group" and refusals:
            raise refusals.pop()
        return Recording(record)

    stores, records = StoreDirectory(open_store), [replace(RECORD, name="group"), RECORD]
    with pytest.raises(OSError, match="away"):
        stores.follow(records)
    assert stores.connection("hsm2") == 1
    with pytest.raises(StoreNotConnected):
        stores.stores["group"].random(2)
    assert stores.records != tuple(records), "so that the watcher does not take it for done"
    stores.follow(records)
    assert stores.records == tuple(records)
    assert stores.stores["group"].random(2) == bytes(2)


def test_a_store_that_never_opens_hides_no_other(tmp_path: Path) -> None:
    """A worker says what it sees of the others, and moves them on, in every look."""
    broken = replace(RECORD, name="broken")
    leaving = replace(RECORD, name="leaving", state=S.DISCONNECTING)
    finished: list[str] = []

    def open_store(record: KeyStoreRecord) -> Any:
        if record is broken:
            raise OSError("it cannot be opened")
        return Recording(record)

    rows: Any = SimpleNamespace(rows=lambda: 1, finish=lambda name, *_: finished.append(name))
    stores, records = StoreDirectory(open_store), [broken, leaving, RECORD]
    watcher = Watcher(cast(Any, SimpleNamespace(key_stores=rows)), tmp_path, stores, 0, lambda: records)
    writer = observations.Writer(tmp_path, 0)
    for _ in range(2):
        with pytest.raises(OSError, match="cannot be opened"):
            watcher.look(writer)
        (seen,) = observations.seen_by_workers(tmp_path)
        assert (seen.stores["hsm2"].up, seen.stores["broken"].open) == (True, False)
    assert finished == ["leaving", "leaving"]


def test_no_two_locks_are_one_file(tmp_path: Path) -> None:
    """Not of two tokens, and not that of a token and the one under which its store is connected."""
    opener = Opener(cast(Any, SimpleNamespace(directory=tmp_path)), cast(Any, None), cast(Any, None))
    source = PinSource(PinKind.FILE, "pin")
    names = [("a", "b.c"), ("a.b", "c"), ("a", "connect"), ("serve", "file"), ("registry.db", "file")]
    for store, member in names:
        opener.lock_file(KeyStoreRecord(name=store), Member(name=member, module="", pin_source=source)).touch(
            exist_ok=False
        )
    for store in {store for store, _ in names}:
        with connecting.alone(tmp_path, store):
            pass
    made = {path.name for path in tmp_path.iterdir()}
    assert len(made) == len(names) + 4
    assert not {"serve.lock", "registry.db.lock"} & made


def test_a_store_that_does_not_close_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that the worker can be replaced: its operator waits for DISCONNECTED."""
    stores = made()
    stores.follow([RECORD])
    opened: Any = stores.stores["hsm2"]
    opened.may_close.clear()
    stores.follow([replace(RECORD, state=S.DISCONNECTING)])
    assert stores.holds("hsm2")
    assert stores.stuck() == ""
    monkeypatch.setattr(directory, "CLOSE_SECONDS", -1.0)
    assert "closing" in stores.stuck()
    opened.may_close.set()
    until(lambda: not stores.holds("hsm2"))
    assert stores.stuck() == ""


def test_what_a_dead_worker_saw_does_not_count(tmp_path: Path) -> None:
    alive = observations.Writer(tmp_path, 0)
    seen = {"hsm2": StoreSeen(open=True, connection=3, up=False, reason="away", failure="DEVICE_ERROR")}
    alive.write(seen)
    program = "import sys; from pathlib import Path; from kmipd.keystores import observations as o; "
    program += "o.Writer(Path(sys.argv[1]), 1).write({})"
    subprocess.run([sys.executable, "-c", program, tmp_path], check=True)
    assert (tmp_path / "run/worker-1.json").exists()
    assert [(one.worker, one.pid, one.stores) for one in observations.seen_by_workers(tmp_path)] == [
        (0, os.getpid(), seen)
    ]
    (tmp_path / "run/worker-0.json").write_text("{")
    assert observations.seen_by_workers(tmp_path) == []


def test_a_worker_does_not_say_what_its_predecessor_saw(tmp_path: Path) -> None:
    program = "import sys; from pathlib import Path; from kmipd.keystores import observations as o; "
    program += "o.Writer(Path(sys.argv[1]), 0).write({'hsm2': o.StoreSeen(False, 1, True, 'ok')})"
    subprocess.run([sys.executable, "-c", program, tmp_path], check=True)
    assert (tmp_path / "run/worker-0.json").exists()
    successor = observations.Writer(tmp_path, 0)
    assert observations.seen_by_workers(tmp_path) == [], "it has not looked yet"
    successor.write({})
    assert [one.stores for one in observations.seen_by_workers(tmp_path)] == [{}]


def test_no_daemon_runs_in_an_empty_directory(tmp_path: Path) -> None:
    assert not observations.daemon_runs(tmp_path)
    (tmp_path / "serve.lock").touch()
    assert not observations.daemon_runs(tmp_path)
