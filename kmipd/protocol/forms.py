"""The kinds of field a plan is made of."""

from __future__ import annotations

from kmipd.protocol import reading, wire, writing
from kmipd.protocol.building import builder
from kmipd.protocol.plan import Choice, Field, Plan, Put, Reader, Scalar, Writer
from kmipd.spec import attributes as a
from kmipd.spec.kinds import ItemType


def attribute_form(value: Field, read: Reader, write: Writer) -> Field:
    field = Field(value.name, value.tag, value.head & 0xFF, read, write)
    field.plan = Plan("Attribute")
    field.plan.complete((value,))
    field.plan.build = builder(a.AttributeItem, ["tag", "value"], {})
    if value.choice is None and value.put is not None and not value.refused:
        put = value.put
        field.put = lambda head, item, out: put(head, item.value, out)
    return field


def scalar(name: str, tag: int, kind: ItemType, scalar: Scalar | None = None, put: Put | None = None) -> Field:
    """A field that is no structure."""
    field = Field(name, tag, kind, reading.not_structural, writing.not_structure)
    field.scalar = wire.READERS[kind] if scalar is None else scalar
    field.put = writing.PUTS[kind] if put is None else put
    return field


def anything(name: str, tag: int = 0) -> Field:
    field = Field(name, tag, 0, reading.item_reader, writing.item_writer)
    field.head = -1
    return field


def choosing(name: str, tag: int, choice: Choice) -> Field:
    field = anything(name, tag)
    field.choice = choice
    return field
