"""The key stores of one process, by name: opened and closed as the registry says, under running requests."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Protocol

from kmipd.core.errors import StoreError
from kmipd.core.keystores import ConnectionState, KeyStoreRecord, not_connected
from kmipd.core.ports import KeyStore, StoreHealth

log = logging.getLogger(__name__)
CLOSE_SECONDS = 60.0  # calls in flight end within the drain time-out of a connection; then the module hangs


class OpenStore(KeyStore, Protocol):
    """What an opened store has beyond the port of the core."""

    def connect(self) -> None: ...

    def prepare(self) -> None: ...

    def check(self) -> None: ...

    def stuck(self) -> str: ...

    def close(self) -> None: ...


class StoreDirectory:
    """`stores` is the mapping that requests look at: one look-up a request, no lock. Entries are replaced whole."""

    def __init__(self, open_store: Callable[[KeyStoreRecord], OpenStore]) -> None:
        self.stores: dict[str, KeyStore] = {}
        self.records: tuple[KeyStoreRecord, ...] = ()
        self._open = open_store
        self._opened: dict[str, tuple[int, OpenStore]] = {}
        self._closing: dict[OpenStore, tuple[str, float]] = {}  # those being closed: their name, and since when
        self._lock = threading.Lock()

    def follow(self, records: Sequence[KeyStoreRecord], *, connect: bool = False) -> None:
        """Open what is CONNECTED, close what is not any more. With `connect`, log in at once, in the background.

        One that cannot be opened is in no other's way; its error is raised, and the records count as not followed.
        """
        failure: Exception | None = None
        with self._lock:
            names = {record.name for record in records}
            for record in records:
                try:
                    self._follow(record, connect)
                except Exception as error:  # noqa: BLE001 - whatever it was, the others are followed first
                    failure = failure or error
            for name in [name for name in self.stores if name not in names]:
                del self.stores[name]
                self._shut(name)
            if failure is not None:
                raise failure
            self.records = tuple(records)

    def _follow(self, record: KeyStoreRecord, connect: bool) -> None:
        opened = self._opened.get(record.name)
        wanted = record.state is ConnectionState.CONNECTED
        if opened is not None and wanted and opened[0] == record.connection:
            return
        self.stores[record.name] = not_connected(record)
        self._shut(record.name)
        if wanted:
            store: OpenStore = self._open(record)
            self._opened[record.name] = (record.connection, store)
            self.stores[record.name] = store
            if connect:
                _in_background(partial(_try_to_connect, store), f"connect-{record.name}")

    def _shut(self, name: str) -> None:
        """Close in the background: calls in flight may take their time, and hung ones all of it."""
        opened = self._opened.pop(name, None)
        if opened is None:
            return
        store = opened[1]
        self._closing[store] = (name, time.monotonic())

        def close() -> None:
            try:
                store.close()
            finally:
                del self._closing[store]

        _in_background(close, f"close-{name}")

    def connect(self, seconds: float) -> None:
        """Log in to all that are open, at the same time; wait for them for so many seconds."""
        threads = [
            _in_background(partial(_try_to_connect, store), f"connect-{name}")
            for name, (_, store) in self._opened.items()
        ]
        until = time.monotonic() + seconds
        for thread in threads:
            thread.join(max(0.0, until - time.monotonic()))

    def holds(self, name: str) -> bool:
        """Whether a store of this name is open here, or being closed."""
        return name in self._opened or any(name == closing for closing, _ in list(self._closing.values()))

    def health(self) -> dict[str, StoreHealth]:
        """What is observed here of every store that is open."""
        return {name: store.health() for name, (_, store) in list(self._opened.items())}

    def opened(self) -> list[OpenStore]:
        """Those that are open now."""
        return [store for _, store in list(self._opened.values())]

    def stuck(self) -> str:
        """Why only another process can get at one of the tokens again; empty while recovery is possible in this one."""
        late = time.monotonic() - CLOSE_SECONDS
        for name, since in list(self._closing.values()):
            if since < late:
                return f"key store {name!r} has been closing for more than {CLOSE_SECONDS:g} s"
        return next((why for _, store in list(self._opened.values()) if (why := store.stuck())), "")

    def connection(self, name: str) -> int:
        """The number of the connection that is open, 0 when none is."""
        opened = self._opened.get(name)
        return 0 if opened is None else opened[0]

    def close(self) -> None:
        """Close all, and wait for it."""
        with self._lock:
            opened, self._opened = self._opened, {}
        for _, store in opened.values():
            store.close()


def _try_to_connect(store: OpenStore) -> None:
    try:
        store.connect()
    except StoreError as error:  # it goes on trying by itself
        log.error("%s", error)


def _in_background(target: Callable[[], None], name: str) -> threading.Thread:
    def run() -> None:
        with suppress(RuntimeError):  # the interpreter is ending
            target()

    thread = threading.Thread(target=run, name=name, daemon=True)
    thread.start()
    return thread
