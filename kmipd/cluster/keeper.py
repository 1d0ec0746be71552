"""The thread that finishes what was begun: unlocking, rekeys, drives, keys that must go; and the one that watches."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from kmipd.cluster.drives import Drives
from kmipd.cluster.health import SERVER, Health
from kmipd.cluster.masterkeys import MasterKeys, current
from kmipd.cluster.notices import Notices
from kmipd.cluster.rekey import Rekeys, no_step
from kmipd.cluster.settings import Settings
from kmipd.cluster.states import CONDEMNED, DESTROYED
from kmipd.cluster.store import Store
from kmipd.cluster.trouble import TROUBLE, describe

log = logging.getLogger(__name__)
_UNLOCK = "masterKey"


class Keeper:
    """Runs unfinished work, at once when woken, and again later while something is in the way."""

    def __init__(
        self, store: Store, settings: Settings, keys: MasterKeys, notices: Notices, rekeys: Rekeys, drives: Drives
    ) -> None:
        self._store, self._settings, self._keys, self._notices = store, settings, keys, notices
        self._rekeys, self._drives = rekeys, drives
        self._wake = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="keeper", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        """There is something to do."""
        self._wake.set()

    def stop(self) -> None:
        self._stopping = True
        self._wake.set()
        if self._thread.ident is not None:
            self._thread.join()

    def work(self) -> bool:
        """Everything that can be done now; False when something waits. The order matters: a rekey needs the key."""
        tasks: tuple[Callable[[], bool], ...] = (
            self.unlock,
            self._rekeys.advance,
            self._drives.advance,
            self._destroy_condemned,
        )
        done = [task() for task in tasks]  # all of them, whatever the first ones say
        return all(done)

    def unlock(self) -> bool:
        """Have the master key in memory, fetched and verified."""
        with self._store.unit() as unit:
            row = current(unit)
        if row is None or self._keys.held(row) is not None:
            return True
        try:
            self._keys.obtain(row)
        except TROUBLE as trouble:
            text = f"the master key {row.key_id} cannot be fetched; volumes are locked. {describe(trouble)}"
            self._notices.fault(SERVER, _UNLOCK, "critical", text)
            return False
        self._notices.resolve(SERVER, _UNLOCK)
        return True

    def _destroy_condemned(self) -> bool:
        with self._store.unit() as unit:
            rows = unit.master_keys.all(state=CONDEMNED)
        done = True
        for row in rows:
            try:
                self._keys.destroy(row, no_step)
            except TROUBLE as trouble:
                log.info("the unused key %s cannot be destroyed yet: %s", row.key_id, trouble)
                done = False
            else:
                with self._store.unit() as unit:
                    unit.master_keys.update(row.id, state=DESTROYED)
        return done

    def _run(self) -> None:
        delay = self._settings.retry_first
        while not self._stopping:
            self._wake.clear()
            try:
                done = self.work()
            except Exception:
                log.exception("unfinished work failed; it is tried again")
                done = False
            if done:
                delay = self._settings.retry_first
                self._wake.wait()
            elif self._wake.wait(delay):
                delay = self._settings.retry_first
            else:
                delay = min(delay * 2, self._settings.retry_max)


class Watch:
    """Checks health now and then, so that faults are never older than the interval, and when something has changed."""

    def __init__(self, health: Health, interval: float) -> None:
        self._health, self._interval = health, interval
        self._wake = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        """Look again soon: a key server was changed, or was seen to work."""
        self._wake.set()

    def stop(self) -> None:
        self._stopping = True
        self._wake.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        while not self._stopping:
            self._wake.clear()
            try:
                self._health.check()
            except Exception:
                log.exception("the health check failed")
            self._wake.wait(self._interval)
