"""The thread that finishes what was begun: unlocking, rekeys, drives, keys that must go; and the one that watches."""

from __future__ import annotations

import logging
from collections.abc import Callable

from kmipd.cluster.chore import Chore
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


class Keeper(Chore):
    """Runs unfinished work, at once when woken, and again later while something is in the way."""

    def __init__(
        self, store: Store, settings: Settings, keys: MasterKeys, notices: Notices, rekeys: Rekeys, drives: Drives
    ) -> None:
        super().__init__("keeper", rest=None, first=settings.retry_first, longest=settings.retry_max)
        self._store, self._settings, self._keys, self._notices = store, settings, keys, notices
        self._rekeys, self._drives = rekeys, drives

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


class Watch(Chore):
    """Checks health now and then, so that faults are never older than the interval, and when something has changed."""

    def __init__(self, health: Health, interval: float) -> None:
        super().__init__("watch", rest=interval, first=interval, longest=interval)
        self._health = health

    def work(self) -> bool:
        self._health.check()
        return True
