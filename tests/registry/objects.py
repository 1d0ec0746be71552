"""Objects for a registry that is alone: no core behind it, no token."""

from __future__ import annotations

import itertools
from typing import Any

from kmipd.core.model import AttributeSet, ManagedObject, Placement
from kmipd.registry import Registry
from kmipd.spec.attributes import Name
from kmipd.spec.enumerations import NameType, ObjectType, State
from kmipd.spec.kinds import Item, ItemType
from kmipd.spec.tags import Tag

NOW = 1_000_000
_numbers = itertools.count()


def name(text: str) -> Name:
    return Name(name_value=text, name_type=NameType.UNINTERPRETED_TEXT_STRING)


def text_item(value: str) -> Item:
    return Item(Tag.ATTRIBUTE_VALUE, ItemType.TEXT_STRING, value)


def an_object(**changes: Any) -> ManagedObject:
    number = next(_numbers)
    attributes = changes.pop("attributes", AttributeSet()).put(Tag.INITIAL_DATE, NOW)
    values = {
        "uid": f"uid-{number}",
        "object_type": ObjectType.SYMMETRIC_KEY,
        "group": "g",
        "owner": "o",
        "key_id": f"key-{number}",
        "key_version": 1,
        "store": "main",
        "placement": Placement.WRAPPED,
        "attributes": attributes,
        "state": State.PRE_ACTIVE,
        "sealed": b"sealed",
        "wrapping_key": b"kek",
    }
    return ManagedObject(**(values | changes))


def add(registry: Registry, *objects: ManagedObject) -> None:
    unit = registry.unit()
    for obj in objects:
        unit.add(obj)
    unit.commit()
