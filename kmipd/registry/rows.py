"""Managed objects as rows, and the entries under which Locate finds them."""

from __future__ import annotations

import json
from collections import namedtuple
from functools import lru_cache
from hashlib import blake2b
from typing import Any, NamedTuple

from kmipd.core.model import AttributeKey, AttributeSet, CustomName, Instance, ManagedObject, Placement
from kmipd.protocol import dump_attributes, encode_item, encode_value, load_attributes
from kmipd.registry.tables import managed_object
from kmipd.spec.attributes import AttributeItem, Attributes, VendorAttribute
from kmipd.spec.enumerations import ObjectType, State
from kmipd.spec.tags import Tag

# Attributes that Locate cannot search by value: they are columns, or are made up when read.
_NOT_INDEXED = frozenset({Tag.UNIQUE_IDENTIFIER, Tag.OBJECT_TYPE, Tag.STATE})


DIGESTS_KEPT = 512  # most objects have the same few values of most attributes: a policy, a group, parameters

# A row as the driver gives it: a tuple in the order of the table's columns.
ROW = namedtuple("ROW", [column.name for column in managed_object.columns])  # type: ignore[misc]


class IndexEntry(NamedTuple):
    attribute: int
    number: int | None
    digest: bytes | None


def index_entry(key: AttributeKey, value: Any) -> IndexEntry:
    """Where a value is found: by number, or by the digest of its canonical encoding (so any length, exactly)."""
    if isinstance(key, CustomName):
        name = key.text.encode()
        material = len(name).to_bytes(4, "big") + name + encode_item(value)
        return IndexEntry(Tag.ATTRIBUTE, None, blake2b(material, digest_size=16).digest())
    if isinstance(value, int):
        return IndexEntry(key, int(value), None)
    try:
        return _digested(key, value)
    except TypeError:  # a value that cannot be looked up: it holds a list
        return _digested.__wrapped__(key, value)


@lru_cache(maxsize=DIGESTS_KEPT)
def _digested(key: Tag, value: Any) -> IndexEntry:
    material = key.to_bytes(4, "big") + encode_value(value, key)
    return IndexEntry(key, None, blake2b(material, digest_size=16).digest())


def index_entries(obj: ManagedObject) -> list[IndexEntry]:
    return [
        index_entry(key, instance.value)
        for key, instances in obj.attributes.items()
        if key not in _NOT_INDEXED
        for instance in instances
    ]


def to_row(obj: ManagedObject) -> dict[str, Any]:
    attributes = obj.attributes
    return {
        "uid": obj.uid,
        "key_id": obj.key_id,
        "key_version": obj.key_version,
        "object_type": int(obj.object_type),
        "group_name": obj.group,
        "owner": obj.owner,
        "store": obj.store,
        "placement": obj.placement.value,
        "cka_id": obj.cka_id or None,
        "material_size": obj.material_size,
        "wrapping_key": obj.wrapping_key or None,
        "sealed": obj.sealed or None,
        "attributes": dump_attributes(_to_list(attributes)),
        "indices": _dump_indices(attributes),
        "state": None if obj.state is None else int(obj.state),
        "activation_date": attributes.get(Tag.ACTIVATION_DATE),
        "deactivation_date": attributes.get(Tag.DEACTIVATION_DATE),
        "initial_date": attributes.get(Tag.INITIAL_DATE, 0),
        "destroy_pending": obj.destroy_pending,
        "row_version": obj.row_version,
    }


def from_row(row: Any) -> ManagedObject:
    return ManagedObject(
        uid=row.uid,
        key_id=row.key_id,
        key_version=row.key_version,
        object_type=ObjectType(row.object_type),
        group=row.group_name,
        owner=row.owner,
        store=row.store,
        placement=Placement(row.placement),
        cka_id=row.cka_id or b"",
        material_size=row.material_size,
        wrapping_key=row.wrapping_key or b"",
        sealed=row.sealed or b"",
        attributes=_from_list(load_attributes(row.attributes), json.loads(row.indices)),
        state=None if row.state is None else State(row.state),
        destroy_pending=bool(row.destroy_pending),
        row_version=row.row_version,
    )


def _to_list(attributes: AttributeSet) -> Attributes:
    items = [
        AttributeItem(tag=key, value=instance.value) if isinstance(key, Tag) else _custom_item(key, instance.value)
        for key, instances in attributes.items()
        for instance in instances
    ]
    return Attributes(values=tuple(items))


def _custom_item(key: CustomName, value: Any) -> AttributeItem:
    vendor = VendorAttribute(vendor_identification=key.vendor, attribute_name=key.name, attribute_value=value)
    return AttributeItem(tag=Tag.ATTRIBUTE, value=vendor)


def _from_list(stored: Attributes, indices: dict[str, list[int]]) -> AttributeSet:
    values: dict[AttributeKey, list[Any]] = {}
    for item in stored.values:
        if isinstance(item.value, VendorAttribute):
            custom = CustomName(item.value.vendor_identification, item.value.attribute_name)
            values.setdefault(custom, []).append(item.value.attribute_value)
        else:
            values.setdefault(Tag(item.tag), []).append(item.value)
    return AttributeSet(
        {
            key: tuple(map(Instance, indices.get(_index_key(key), range(len(found))), found))
            for key, found in values.items()
        }
    )


def _index_key(key: AttributeKey) -> str:
    return key.text if isinstance(key, CustomName) else str(int(key))


def _dump_indices(attributes: AttributeSet) -> str:
    uneven = {
        _index_key(key): [i.index for i in instances]
        for key, instances in attributes.items()
        if (len(instances) != 1 or instances[0].index)
        and any(i.index != position for position, i in enumerate(instances))
    }
    return json.dumps(uneven) if uneven else "{}"
