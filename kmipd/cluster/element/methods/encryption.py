"""Encryption at rest: rekey, and the keys in use."""

from __future__ import annotations

from typing import Any, Final

from kmipd.cluster.element.method import EVERYONE, Call, Method
from kmipd.cluster.masterkeys import current
from kmipd.cluster.states import DISABLED, DRIVES, ENABLED
from kmipd.cluster.store import MasterKey


def key_info(key: MasterKey) -> dict[str, Any]:
    """EncryptionKeyInfo. The key ID is the cluster's, not the key server's unique identifier."""
    info: dict[str, Any] = {
        "keyID": key.key_id,
        "keyManagementType": key.management,
        "keyCreatedTime": key.created,
    }
    return info if key.provider_id is None else {**info, "keyProviderID": key.provider_id}


def rekey(call: Call) -> dict[str, Any]:
    management = call.params.text_or_none("keyManagementType")
    handle = call.cluster.rekeys.start(management, call.params.number_or_none("keyProviderID"))
    call.cluster.keeper.wake()
    return {"asyncHandle": handle}


def abandon(call: Call) -> dict[str, Any]:
    return {"asyncHandle": call.cluster.rekeys.abandon()}


def software_info(call: Call) -> dict[str, Any]:
    with call.cluster.store.unit() as unit:
        row, key = unit.cluster.one(), current(unit)
    assert row is not None
    found: dict[str, Any] = {"state": ENABLED if row.sear_enabled else DISABLED, "version": row.sear_version}
    if key is not None:
        found["masterKeyInfo"] = key_info(key)
    handle = call.cluster.results.latest_rekey()
    return found if handle is None else {**found, "rekeyMasterKeyAsyncResultID": handle}


def drive_info(call: Call) -> dict[str, Any]:
    with call.cluster.store.unit() as unit:
        row, key = unit.cluster.one(), current(unit, DRIVES)
    assert row is not None
    found: dict[str, Any] = {"state": row.ear_state}
    return found if key is None else {**found, "authenticationKeyInfo": key_info(key)}


def enable(call: Call) -> dict[str, Any]:
    call.cluster.drives.enable(call.params.number_or_none("keyProviderID"))
    call.cluster.keeper.wake()
    return {}


def disable(call: Call) -> dict[str, Any]:
    call.cluster.drives.disable()
    call.cluster.keeper.wake()
    return {}


_ADMINS: Final = frozenset({"clusterAdmin"})
METHODS: Final = (
    Method("RekeySoftwareEncryptionAtRestMasterKey", rekey),
    Method("GetSoftwareEncryptionAtRestInfo", software_info, EVERYONE),
    Method("GetEncryptionAtRestInfo", drive_info, EVERYONE),
    Method("EnableEncryptionAtRest", enable, _ADMINS),
    Method("DisableEncryptionAtRest", disable, _ADMINS),
    # Not Element's: a way out when the old key's provider will never come back.
    Method("KmipdAbandonOldMasterKey", abandon),
)
