"""Attributes and structures as bytes to keep: TTLV with the words of every version together.

What is stored outlives the version it arrived in, so nothing is left out and nothing refused.
"""

from __future__ import annotations

from typing import Any, Final, TypeVar

from kmipd.protocol import unrolled
from kmipd.protocol.limits import Limits
from kmipd.protocol.schema import schema
from kmipd.protocol.wire import invalid, unpack_head
from kmipd.spec.attributes import AttributeItem, Attributes, AttributeValue, VendorAttribute
from kmipd.spec.kinds import ItemType
from kmipd.spec.tags import Tag
from kmipd.spec.versions import Version

T = TypeVar("T")

#: What we wrote ourselves may be as large as what we once let in.
_LIMITS: Final = Limits(message_size_max=1 << 30, items_max=1 << 20)
#: The tag of a structure whose class name is not a tag's; only we ever see it.
_ANY_STRUCTURE: Final = 0x54_0000


def encode_value(value: AttributeValue | VendorAttribute, tag: Tag, version: Version | None = None) -> bytes:
    """Write one attribute value under its tag; `version` None means the words of all versions."""
    field = schema(version).plan(AttributeItem).fields[0]
    out = bytearray()
    assert field.choice is not None
    item = AttributeItem(tag=tag, value=value)
    form = field.choice.to_write(item, ())
    form.write(form, item, out)
    return bytes(out)


def decode_value(data: bytes) -> AttributeItem:
    """Read what `encode_value` wrote."""
    values = load_attributes_bare(data)
    if len(values) != 1:
        raise invalid(f"{len(values)} attributes where one was stored", 0)
    return values[0]


def dump_attributes(attributes: Attributes) -> bytes:
    """Write attributes of any version."""
    return dump_structure(attributes)


def load_attributes(data: bytes) -> Attributes:
    """Read what `dump_attributes` wrote."""
    return load_structure(Attributes, data)


def load_attributes_bare(data: bytes) -> tuple[AttributeItem, ...]:
    """Read attributes that follow each other without a structure around them."""
    plan = schema(None).plan(Attributes)
    if len(data) & 7:
        raise invalid(f"{len(data)} bytes are no items", 0)
    loaded: Attributes = unrolled.read(plan, data, 0, len(data), _LIMITS.nesting_depth_max, _LIMITS)
    return loaded.values


def dump_structure(value: object) -> bytes:
    """Write any declared structure: a Key Block, a managed object, a payload."""
    cls: type[Any] = type(value)
    return unrolled.write(_head(cls), schema(None).plan(cls), value)


def load_structure(cls: type[T], data: bytes) -> T:
    """Read what `dump_structure` wrote."""
    if len(data) < 8:
        raise invalid("too short for a structure", 0)
    head, length = unpack_head(data, 0)
    if head != _head(cls) or length + 8 != len(data) or length & 7:
        raise invalid(f"not a stored {cls.__name__}", 0)
    loaded: T = unrolled.read(schema(None).plan(cls), data, 8, len(data), _LIMITS.nesting_depth_max, _LIMITS)
    return loaded


def _head(cls: type) -> int:
    return _TAGS.get(cls.__name__.lower(), _ANY_STRUCTURE) << 8 | ItemType.STRUCTURE


_TAGS: Final = {tag.name.replace("_", "").lower(): tag for tag in Tag}
