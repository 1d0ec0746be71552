"""Replacing the master key: a journalled state machine that may be killed between any two steps.

    CreateNewMasterKey        make the new key, activate it, read it back over a second connection
    RewrapDataEncryptionKeys  give every data key a second copy under the new key, each verified; then switch
    DecommissionOldMasterKey  only now revoke and destroy the old key, and drop the copies under it
    Ready                     done

Until the switch, a failure to make the new key ends the rekey and changes nothing. After it the new key is in use, and
the old one's provider may be away for as long as it likes: decommissioning is tried until it works or is given up.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any, Final

from kmipd.cluster import crypto
from kmipd.cluster.clock import Clock, stamp
from kmipd.cluster.errors import ElementError, missing
from kmipd.cluster.masterkeys import MasterKeys, Step, current, endpoints_of, give_up
from kmipd.cluster.notices import Notices
from kmipd.cluster.states import (
    ABANDONED,
    ASKED,
    CURRENT,
    DESTROYED,
    EXTERNAL,
    INTERNAL,
    PLANNED,
    RETIRING,
    SOFTWARE,
    RekeyState,
)
from kmipd.cluster.store import MasterKey, Rekey, Store, Unit
from kmipd.cluster.trouble import TROUBLE, KeyMissing, describe, to_element

RESULT_TYPE: Final = "RekeySoftwareEncryptionAtRestMasterKey"
_BATCH: Final = 64  # data keys per transaction: short enough not to hold up reads and writes

# Every point at which a test kills the process, in order. The first and the last lie just outside the machine.
STEPS: Final = (
    "started",
    "create.asked",
    "create.made",
    "create.activated",
    "create.read-back",
    "create.recorded",
    "rewrap.batch",
    "rewrap.verified",
    "rewrap.switched",
    "decommission.begun",
    "decommission.revoked",
    "decommission.destroyed",
    "decommission.recorded",
)


def no_step(_name: str) -> None:
    """What a step does outside tests."""


class Rekeys:
    """Starts a rekey and carries it on. `advance` is called from one thread only."""

    def __init__(self, store: Store, keys: MasterKeys, notices: Notices, clock: Clock, step: Step = no_step) -> None:
        self._store, self._keys, self._notices, self._clock, self._step = store, keys, notices, clock, step
        self._stages: dict[str, Callable[[Rekey, MasterKey, MasterKey], None]] = {
            RekeyState.CREATE: self._create,
            RekeyState.REWRAP: self._rewrap,
            RekeyState.DECOMMISSION: self._decommission,
        }

    # Starting ------------------------------------------------------------------------------------------------

    def start(self, management: str | None, provider_id: int | None) -> int:
        """Write the journal's first entry; returns the async handle. ElementError when it cannot be."""
        with self._store.unit() as unit:
            old = current(unit)
            if old is None:
                text = "The master key can be changed only with software encryption at rest enabled."
                raise ElementError("xSoftwareEncryptionAtRestNotEnabled", text)
            management, provider_id = _target(old, management, provider_id)
            running = unit.rekeys.one(finished=False)
            if running is not None:
                text = f"A rekey is running: asyncHandle {running.async_id}, {running.state}."
                raise ElementError("xRekeyInProgress", text + (f" {running.last_error}" if running.last_error else ""))
            if provider_id is not None:
                endpoints_of(unit, provider_id)
            self._keys.in_use(old)
            handle = self._journal(unit, old, management, provider_id)
        self._step("started")
        return handle

    def _journal(self, unit: Unit, old: MasterKey, management: str, provider_id: int | None) -> int:
        now = stamp(self._clock())
        key_id = str(uuid.uuid4())
        new_id = unit.master_keys.add(
            key_id=key_id,
            purpose=SOFTWARE,
            management=management,
            provider_id=provider_id,
            state=PLANNED,
            created=now,
        )
        operation = _operation(old, management, provider_id)
        data = {
            "keyToDecommission": _brief(old.key_id, old.management, old.provider_id),
            "newKey": _brief(key_id, management, provider_id),
            "operation": operation,
            "state": RekeyState.CREATE,
        }
        handle = unit.async_results.add(kind=RESULT_TYPE, completed=False, data=data, created=now, updated=now)
        unit.rekeys.add(
            async_id=handle,
            state=RekeyState.CREATE,
            old_id=old.id,
            new_id=new_id,
            operation=operation,
            last_error="",
            finished=False,
        )
        self._notices.event(unit, "encryptionAtRestEvent", operation)
        return handle

    # Carrying on ---------------------------------------------------------------------------------------------

    def advance(self) -> bool:
        """Go as far as possible; False when something is in the way and it should be tried again later."""
        while True:
            with self._store.unit() as unit:
                rekey = unit.rekeys.one(finished=False)
                if rekey is None:
                    return True
                old, new = unit.master_keys.one(id=rekey.old_id), unit.master_keys.one(id=rekey.new_id)
            assert old is not None
            assert new is not None
            try:
                self._stages[rekey.state](rekey, old, new)
            except TROUBLE as trouble:
                if rekey.state == RekeyState.CREATE:
                    self._fail(rekey, trouble)
                    continue
                self._postpone(rekey, trouble)
                return False

    def _create(self, rekey: Rekey, _old: MasterKey, new: MasterKey) -> None:
        uid, key = self._keys.make(new, self._step)
        if self._keys.fetch(new) != key:
            raise KeyMissing(f"the new key {new.key_id} reads back differently; it is not used")
        self._step("create.read-back")
        self._keys.hold(new, key)
        with self._store.unit() as unit:
            unit.master_keys.update(new.id, state=ASKED, kmip_uid=uid, verifier=crypto.verifier(key, new.key_id))
            self._enter(unit, rekey, RekeyState.REWRAP)
        self._step("create.recorded")

    def _rewrap(self, rekey: Rekey, old: MasterKey, new: MasterKey) -> None:
        old_key, new_key = self._keys.obtain(old), self._keys.obtain(new)
        while True:
            with self._store.unit() as unit:
                batch = unit.not_rewrapped(old.id, new.id, _BATCH)
                for found in batch:
                    data_key = crypto.unwrap(old_key, found.wrapped)
                    wrapped = crypto.wrap(new_key, data_key)
                    unit.data_keys.add(volume_id=found.volume_id, master_key_id=new.id, wrapped=wrapped)
            self._step("rewrap.batch")
            with self._store.unit() as unit:
                # In one transaction, so that no volume appears between the count and the switch.
                if unit.not_rewrapped(old.id, new.id, 1):
                    continue
                self._verify(unit, old, new)
                self._step("rewrap.verified")
                unit.master_keys.update(old.id, state=RETIRING)
                unit.master_keys.update(new.id, state=CURRENT)
                self._enter(unit, rekey, RekeyState.DECOMMISSION)
            self._step("rewrap.switched")
            return

    def _verify(self, unit: Unit, old: MasterKey, new: MasterKey) -> None:
        """Every data key opens under both master keys to the same bytes, as stored."""
        old_key, new_key = self._keys.obtain(old), self._keys.obtain(new)
        copies = {k.volume_id: k for k in unit.data_keys.all(master_key_id=new.id)}
        for found in unit.data_keys.all(master_key_id=old.id):
            if crypto.unwrap(old_key, found.wrapped) != crypto.unwrap(new_key, copies[found.volume_id].wrapped):
                raise crypto.WrongKey("a rewrapped data key differs from the one before")

    def _decommission(self, rekey: Rekey, old: MasterKey, new: MasterKey) -> None:
        new_key = self._keys.fetch(new)  # afresh: after a restart nothing else proves that we can live without the old
        with self._store.unit() as unit:
            for found in unit.data_keys.all(master_key_id=new.id):
                crypto.unwrap(new_key, found.wrapped)
        self._step("decommission.begun")
        self._keys.destroy(old, self._step)
        self._finish(rekey, old, DESTROYED)
        self._step("decommission.recorded")

    def abandon(self) -> int:
        """Give up decommissioning the old key, whose provider will not come back; returns the handle."""
        with self._store.unit() as unit:
            rekey = unit.rekeys.one(finished=False)
            old = None if rekey is None else unit.master_keys.one(id=rekey.old_id)
            if rekey is None or old is None or rekey.state != RekeyState.DECOMMISSION:
                raise ElementError("xInvalidParameter", "No rekey is waiting to decommission its old master key.")
        self._finish(rekey, old, ABANDONED)
        return rekey.async_id

    # Ends ----------------------------------------------------------------------------------------------------

    def _finish(self, rekey: Rekey, old: MasterKey, state: str) -> None:
        with self._store.unit() as unit:
            unit.data_keys.delete(master_key_id=old.id)
            unit.master_keys.update(old.id, state=state)
            unit.rekeys.update(rekey.id, finished=True)
            self._enter(unit, rekey, RekeyState.READY, completed=True)
            self._notices.event(unit, "encryptionAtRestEvent", f"Finished: {rekey.operation}")
        self._keys.forget(old)
        self._notices.resolve("kmipServerFault", _subject(rekey))

    def _fail(self, rekey: Rekey, trouble: Exception) -> None:
        """The new key could not be made: the old one stays as it was."""
        error = to_element(trouble)
        with self._store.unit() as unit:
            give_up(unit, rekey.new_id)
            unit.rekeys.update(rekey.id, finished=True, last_error=error.message)
            outcome = {"name": error.name, "message": error.message}
            self._enter(unit, rekey, RekeyState.READY, completed=True, error=outcome)
            self._notices.event(unit, "encryptionAtRestEvent", f"Failed: {rekey.operation}", error.message, severity=2)

    def _postpone(self, rekey: Rekey, trouble: Exception) -> None:
        text = describe(trouble)
        with self._store.unit() as unit:
            unit.rekeys.update(rekey.id, last_error=text)
        self._notices.fault("kmipServerFault", _subject(rekey), "error", f"{rekey.state} waits. {text}")

    def _enter(self, unit: Unit, rekey: Rekey, state: str, **changes: Any) -> None:
        """Move the journal and what GetAsyncResult shows, in the transaction that did the work."""
        unit.rekeys.update(rekey.id, state=state, **({"last_error": ""} if "error" not in changes else {}))
        found = unit.async_results.one(id=rekey.async_id)
        if found is not None:
            data = {**found.data, "state": state}
            unit.async_results.update(found.id, data=data, updated=stamp(self._clock()), **changes)


def _subject(rekey: Rekey) -> str:
    return f"rekey:{rekey.async_id}"


def _target(old: MasterKey, management: str | None, provider_id: int | None) -> tuple[str, int | None]:
    """Where the new key is to be managed."""
    if management is None and provider_id is None:
        return old.management, old.provider_id
    if (management or "").lower() == EXTERNAL:
        if provider_id is None:
            raise missing("keyProviderID")
        return EXTERNAL, provider_id
    if management is not None and management.lower() != INTERNAL:
        raise ElementError("xUnrecognizedEnumString", management)
    if provider_id is not None:
        text = "keyProviderID is allowed only with keyManagementType External."
        raise ElementError("xInvalidParameter", text)
    return INTERNAL, None


def _brief(key_id: str, management: str, provider_id: int | None) -> dict[str, Any]:
    brief: dict[str, Any] = {"keyID": key_id, "keyManagementType": management}
    return brief if provider_id is None else {**brief, "keyProviderID": provider_id}


def _words(management: str, provider_id: int | None) -> str:
    if management == INTERNAL:
        return "Internal Key Management"
    return f"External Key Management with keyProviderID={provider_id}"


def _operation(old: MasterKey, management: str, provider_id: int | None) -> str:
    before, after = _words(old.management, old.provider_id), _words(management, provider_id)
    if before == after:
        return f"Rekeying Master Key. Master Key management remains {after}"
    return f"Rekeying Master Key. Master Key management being transferred from {before} to {after}"
