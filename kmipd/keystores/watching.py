"""A worker's eye on the registry: it follows what operators do to key stores, without being told.

Every worker looks four times a second; one small query. What is wished is in the registry and survives crashes and
restarts of any process; see docs/adr/0030. The first worker also moves the states on: it connects what is CONNECTING,
and calls DISCONNECTED what nobody has open any more.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from kmipd.core.keystores import ConnectionState, KeyStoreRecord
from kmipd.core.registry_port import RegistryUnavailable
from kmipd.keystores import connecting, observations
from kmipd.keystores.checking import Checks
from kmipd.keystores.directory import StoreDirectory
from kmipd.registry import Registry
from kmipd_pkcs11.group import GroupStore

log = logging.getLogger(__name__)
LOOK_SECONDS = 0.25  # how late a worker may follow a command
CATCH_UP_SECONDS = 1.0  # between looks at what members of groups have still to do


class Watcher:
    """Runs in a thread of each worker. `load` reads the records."""

    def __init__(
        self,
        registry: Registry,
        directory: Path,
        stores: StoreDirectory,
        worker: int,
        load: Callable[[], list[KeyStoreRecord]],
    ) -> None:
        self._registry = registry
        self._directory = directory
        self._stores = stores
        self._worker = worker
        self._load = load
        self._rows: object = None
        self._records: list[KeyStoreRecord] = []
        self._conductor = Conductor(registry, directory, stores) if worker == 0 else None
        self._checks = Checks(stores)
        self._looked = threading.Event()

    def wait_for_a_look(self, seconds: float) -> None:
        """Until the first round is over, well or not: from then on commands see what this worker sees."""
        self._looked.wait(seconds)

    def run(self) -> None:
        """For ever. What goes wrong in one round is tried again in the next."""
        writer = observations.Writer(self._directory, self._worker)  # waits for a predecessor that is just ending
        said = ""
        while True:
            try:
                self.look(writer)
                said = ""
            except Exception as error:  # noqa: BLE001 - a worker that stops looking would never hear of anything again
                if str(error) != said:
                    log.error("key stores cannot be followed: %s: %s", type(error).__name__, error)
                    said = str(error)
            self._looked.set()
            time.sleep(LOOK_SECONDS)

    def look(self, writer: observations.Writer) -> None:
        """One round."""
        if self._rows is None:
            self._observe(writer)  # at once: nobody else says any more that this worker has a store open
        rows = self._registry.key_stores.rows()
        if rows != self._rows:
            self._records, self._rows = self._load(), rows
        try:
            if tuple(self._records) != self._stores.records:
                self._stores.follow(self._records, connect=True)
        finally:  # a store that cannot be opened hides none of the others, and holds none up
            self._checks.go_round()
            self._observe(writer)
            if self._conductor is not None:
                self._conductor.conduct(self._records)

    def _observe(self, writer: observations.Writer) -> None:
        health = self._stores.health()
        writer.write(
            {
                name: observations.of(health.get(name), self._stores.connection(name), self._stores.holds(name))
                for name in self._stores.stores
            }
        )


class Conductor:
    """Moves CONNECTING and DISCONNECTING on, and lets members of groups catch up. There is one: in the first worker."""

    def __init__(self, registry: Registry, directory: Path, stores: StoreDirectory) -> None:
        self._registry = registry
        self._directory = directory
        self._stores = stores
        self._attempts: dict[str, threading.Thread] = {}
        self._looked = 0.0  # for what members have to catch up

    def conduct(self, records: list[KeyStoreRecord]) -> None:
        """One round."""
        self._attempts = {name: thread for name, thread in self._attempts.items() if thread.is_alive()}
        for record in records:
            if record.name in self._attempts:
                continue
            if record.state is ConnectionState.CONNECTING:
                self._attempt(record)
            elif record.state is ConnectionState.DISCONNECTING and self._closed_everywhere(record.name):
                states = ConnectionState.DISCONNECTING, ConnectionState.DISCONNECTED
                self._registry.key_stores.finish(record.name, *states)
        if time.monotonic() - self._looked > CATCH_UP_SECONDS:
            self._looked = time.monotonic()
            self._let_catch_up(records)

    def _attempt(self, record: KeyStoreRecord) -> None:
        self._start(record.name, lambda: connecting.attempt(self._registry, self._directory, record))

    def _let_catch_up(self, records: list[KeyStoreRecord]) -> None:
        for record in records:
            store = self._stores.stores.get(record.name)
            if not isinstance(store, GroupStore) or record.name in self._attempts:
                continue
            if self._registry.ledger(record.name).pending():
                self._start(record.name, partial(_catch_up, record.name, store))

    def _start(self, name: str, work: Callable[[], None]) -> None:
        """In a thread of its own, one at a time a store."""

        def run() -> None:
            try:
                work()
            except (RegistryUnavailable, OSError) as error:
                log.error("key store %r: %s", name, error)

        thread = threading.Thread(target=run, name=f"conduct-{name}", daemon=True)
        self._attempts[name] = thread
        thread.start()

    def _closed_everywhere(self, name: str) -> bool:
        views = observations.views(observations.seen_by_workers(self._directory), name)
        return not any(view.open for view in views)


def _catch_up(name: str, group: GroupStore) -> None:
    if done := group.catch_up():
        log.info("key store %r: members have caught up with %s changes", name, done)
