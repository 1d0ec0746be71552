"""Encryption at rest by self-encrypting drives: the key that unlocks them, kept inside or on a key provider."""

from __future__ import annotations

import uuid

from kmipd.cluster import crypto
from kmipd.cluster.clock import Clock, stamp
from kmipd.cluster.errors import ElementError
from kmipd.cluster.masterkeys import MasterKeys, Step, endpoints_of, give_up
from kmipd.cluster.notices import Notices
from kmipd.cluster.states import (
    ASKED,
    CURRENT,
    DESTROYED,
    DISABLED,
    DISABLING,
    DRIVES,
    ENABLED,
    ENABLING,
    EXTERNAL,
    INTERNAL,
    PLANNED,
    RETIRING,
)
from kmipd.cluster.store import ClusterRow, MasterKey, Store
from kmipd.cluster.trouble import TROUBLE, KeyMissing, describe

_SUBJECT = "drives"


class Drives:
    """disabled -> enabling -> enabled -> disabling -> disabled; polled with GetClusterInfo, no async handle."""

    def __init__(self, store: Store, keys: MasterKeys, notices: Notices, clock: Clock, step: Step) -> None:
        self._store, self._keys, self._notices, self._clock, self._step = store, keys, notices, clock, step

    def enable(self, provider_id: int | None) -> None:
        """Begin; the key is made by `advance`."""
        with self._store.unit() as unit:
            cluster = _require(unit.cluster.one(), DISABLED)
            if provider_id is not None:
                endpoints_of(unit, provider_id)
            unit.master_keys.add(
                key_id=str(uuid.uuid4()),
                purpose=DRIVES,
                management=INTERNAL if provider_id is None else EXTERNAL,
                provider_id=provider_id,
                state=PLANNED,
                created=stamp(self._clock()),
            )
            unit.cluster.update(cluster.id, ear_state=ENABLING)
            self._notices.event(unit, "encryptionAtRestEvent", "Enabling encryption at rest.")

    def disable(self) -> None:
        """Begin; the key is destroyed by `advance`."""
        with self._store.unit() as unit:
            cluster = _require(unit.cluster.one(), ENABLED)
            key = unit.master_keys.one(purpose=DRIVES, state=CURRENT)
            assert key is not None
            unit.master_keys.update(key.id, state=RETIRING)
            unit.cluster.update(cluster.id, ear_state=DISABLING)
            self._notices.event(unit, "encryptionAtRestEvent", "Disabling encryption at rest.")

    def advance(self) -> bool:
        """Finish what was begun; False to be tried again later."""
        with self._store.unit() as unit:
            cluster = unit.cluster.one()
            keys = [k for k in unit.master_keys.all(purpose=DRIVES) if k.state in (PLANNED, ASKED, RETIRING)]
        if cluster is None or cluster.ear_state not in (ENABLING, DISABLING):
            return True
        assert len(keys) == 1
        if cluster.ear_state == ENABLING:
            self._enable(cluster, keys[0])
            return True
        return self._disable(cluster, keys[0])

    def _enable(self, cluster: ClusterRow, row: MasterKey) -> None:
        try:
            uid, key = self._keys.make(row, self._step)
            if self._keys.fetch(row) != key:
                raise KeyMissing(f"the new key {row.key_id} reads back differently; it is not used")
        except TROUBLE as trouble:
            with self._store.unit() as unit:
                give_up(unit, row.id)
                unit.cluster.update(cluster.id, ear_state=DISABLED)
            self._notices.fault("enableDriveSecurityFailed", _SUBJECT, "warning", describe(trouble), "drive")
            return
        with self._store.unit() as unit:
            verifier = crypto.verifier(key, row.key_id)
            unit.master_keys.update(row.id, state=CURRENT, kmip_uid=uid, verifier=verifier)
            unit.cluster.update(cluster.id, ear_state=ENABLED)
            self._notices.event(unit, "encryptionAtRestEvent", "Encryption at rest is enabled.")
        self._notices.resolve("enableDriveSecurityFailed", _SUBJECT)

    def _disable(self, cluster: ClusterRow, row: MasterKey) -> bool:
        try:
            self._keys.destroy(row, self._step)
        except TROUBLE as trouble:
            self._notices.fault("disableDriveSecurityFailed", _SUBJECT, "warning", describe(trouble), "drive")
            return False
        with self._store.unit() as unit:
            unit.master_keys.update(row.id, state=DESTROYED)
            unit.cluster.update(cluster.id, ear_state=DISABLED)
            self._notices.event(unit, "encryptionAtRestEvent", "Encryption at rest is disabled.")
        self._notices.resolve("disableDriveSecurityFailed", _SUBJECT)
        return True


def _require(cluster: ClusterRow | None, state: str) -> ClusterRow:
    assert cluster is not None
    if cluster.ear_state != state:
        raise ElementError("xAPINotPermitted", f"Encryption at rest is {cluster.ear_state}; it must be {state} first.")
    return cluster
