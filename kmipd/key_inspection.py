"""Managed objects for people: the facts behind `kmipd key`, everything but material."""

from __future__ import annotations

import dataclasses
from collections.abc import Container
from typing import Any

from kmipd import app
from kmipd.core.attributes import title
from kmipd.core.keystores import ConnectionState
from kmipd.core.lifecycle import effective_state
from kmipd.core.model import CustomName, ManagedObject
from kmipd.spec.attributes import ATTRIBUTES
from kmipd.spec.declare import DateTime
from kmipd.spec.tags import Tag

DATES = frozenset(title(tag) for tag, rule in ATTRIBUTES.items() if rule.type is DateTime)  # shown in POSIX seconds


def summary(obj: ManagedObject, now: int, connected: Container[str]) -> dict[str, Any]:
    """One row of `key list`. A key whose store is not `connected` is unavailable; its state is what it is."""
    state = effective_state(obj, now)
    algorithm = obj.attributes.get(Tag.CRYPTOGRAPHIC_ALGORITHM)
    return {
        "uid": obj.uid,
        "type": obj.object_type.name,
        "algorithm": getattr(algorithm, "name", None),
        "length": obj.attributes.get(Tag.CRYPTOGRAPHIC_LENGTH),
        "state": None if state is None else state.name,
        "names": [name.name_value for name in obj.attributes.values(Tag.NAME)],
        "group": obj.group,
        "owner": obj.owner,
        "store": obj.store,
        "available": obj.store in connected,
        "placement": obj.placement.value,
        "version": obj.key_version,
    }


def connected_stores(application: app.Application) -> frozenset[str]:
    """The names of the key stores that are CONNECTED."""
    states = application.directory.records
    return frozenset(record.name for record in states if record.state is ConnectionState.CONNECTED)


def details(obj: ManagedObject, now: int, connected: Container[str]) -> dict[str, Any]:
    """Everything about one object but its material."""
    attributes = {title(key): [_shown(key, value) for value in obj.attributes.values(key)] for key in obj.attributes}
    extra = {"key": obj.key_id, "cka_id": obj.cka_id.hex() or None, "attributes": attributes}
    return summary(obj, now, connected) | extra


def _shown(key: object, value: Any) -> Any:
    """Plain values: times in POSIX seconds, octets in hexadecimal, a structure as what is set in it."""
    if isinstance(key, CustomName):
        value = value.value
    if dataclasses.is_dataclass(value):
        parts = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        return {name: _shown(None, part) for name, part in parts.items() if part is not None}
    if isinstance(value, tuple | list):
        return [_shown(None, part) for part in value]
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, bool | str) or type(value) is int:
        return value
    return getattr(value, "name", None) or repr(value)
