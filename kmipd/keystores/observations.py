"""What each worker sees of the key stores, where commands can read it: one small file a worker in `run/`.

An observation is true for a moment and for one process. It is not in the registry: that remembers wishes, is written
with a flush to the disk each time, and may be shared by several machines. A worker holds a lock on its file's twin, so
that what a dead one has left behind does not count.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from kmipd.core.ports import StoreHealth

FOLDER = "run"


@dataclass(frozen=True, slots=True)
class StoreSeen:
    """One store, as one worker sees it."""

    open: bool  # open, or still being closed
    connection: int  # which connection; 0 when none
    up: bool
    reason: str
    failure: str | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """One worker's view."""

    worker: int
    pid: int
    stores: Mapping[str, StoreSeen] = field(default_factory=dict)


class Writer:
    """This worker's file. Written when something changed, which is seldom."""

    def __init__(self, directory: Path, worker: int) -> None:
        folder = directory / FOLDER
        folder.mkdir(mode=0o700, exist_ok=True)
        self._worker = worker
        self._path = folder / f"worker-{worker}.json"
        self._lock = os.open(folder / f"worker-{worker}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX)  # a predecessor that is just ending frees it
        self._path.unlink(missing_ok=True)  # what that one saw would be taken for ours, now that we hold its lock
        self._last: Seen | None = None

    def write(self, stores: Mapping[str, StoreSeen]) -> None:
        seen = Seen(self._worker, os.getpid(), stores)
        if seen == self._last:
            return
        fresh = self._path.with_suffix(".new")
        fresh.touch(mode=0o600)
        fresh.write_text(json.dumps(asdict(seen)), "utf-8")
        fresh.replace(self._path)
        self._last = seen


def seen_by_workers(directory: Path) -> list[Seen]:
    """The views of all workers that live, by number."""
    return [seen for path in sorted((directory / FOLDER).glob("worker-*.json")) if (seen := _read(path))]


def _read(path: Path) -> Seen | None:
    try:
        descriptor = os.open(path.with_suffix(".lock"), os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        pass  # its worker lives
    else:
        return None
    finally:
        os.close(descriptor)
    try:
        value = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return Seen(value["worker"], value["pid"], {name: StoreSeen(**one) for name, one in value["stores"].items()})


def of(health: StoreHealth | None, connection: int, open_here: bool) -> StoreSeen:
    """A health as it is written down."""
    if health is None:
        return StoreSeen(open_here, connection, False, "")
    failure = None if health.failure is None else health.failure.name
    return StoreSeen(open_here, connection, health.up, health.reason, failure)


def daemon_runs(directory: Path) -> bool:
    """Whether a server of this directory is running: it and its workers hold this lock."""
    try:
        descriptor = os.open(directory / "serve.lock", os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def views(seen: Sequence[Seen], store: str) -> list[StoreSeen]:
    """How the workers see one store."""
    return [worker.stores[store] for worker in seen if store in worker.stores]
