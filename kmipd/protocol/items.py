"""Bytes to neutral Items and back, whatever they mean.

Every encoding is a pair of functions like the ones here: TTLV in this module, JSON and XML beside it.
"""

from __future__ import annotations

from kmipd.protocol.limits import DEFAULT_LIMITS, Limits
from kmipd.protocol.wire import READERS, invalid, pack_head, pack_length_into, unpack_head, write_scalar
from kmipd.spec.kinds import Item, ItemType

_KINDS = {int(kind): kind for kind in ItemType}


def decode_item(data: bytes, *, limits: Limits = DEFAULT_LIMITS) -> Item:
    """Read exactly one item."""
    if len(data) < 8:
        raise invalid("shorter than the head of an item", 0)
    _, length = unpack_head(data, 0)
    if 8 + ((length + 7) & -8) != len(data):
        raise invalid(f"{len(data)} bytes do not hold exactly one item of length {length}", 0)
    return read_item(data, 0, limits.nesting_depth_max, limits)


def read_item(data: bytes, pos: int, depth: int, limits: Limits) -> Item:
    """Read the item at `pos`, which the caller knows to lie within the data; `depth` levels may follow."""
    head, length = unpack_head(data, pos)
    kind = _KINDS.get(head & 0xFF)
    if kind is None:
        raise invalid(f"item type {head & 0xFF:#04x}", pos)
    if kind is ItemType.STRUCTURE:
        if depth <= 0:
            raise invalid(f"nested deeper than {limits.nesting_depth_max}", pos)
        return Item(head >> 8, kind, read_items(data, pos + 8, length, depth - 1, limits))
    return Item(head >> 8, kind, READERS[kind](data, pos + 8, length))


def read_items(data: bytes, pos: int, length: int, depth: int, limits: Limits) -> tuple[Item, ...]:
    """Read what a structure holds."""
    if length & 7:
        raise invalid(f"a Structure of {length} bytes", pos)
    end = pos + length
    found: list[Item] = []
    while pos < end:
        after = pos + 8 + ((unpack_head(data, pos)[1] + 7) & -8)
        if after > end:
            raise invalid("a value runs past its structure", pos)
        if len(found) >= limits.items_max:
            raise invalid(f"more than {limits.items_max} items", pos)
        found.append(read_item(data, pos, depth, limits))
        pos = after
    return tuple(found)


def encode_item(item: Item) -> bytes:
    """Write one item."""
    out = bytearray()
    write_item(item, item.tag, out)
    return bytes(out)


def write_item(item: Item, tag: int, out: bytearray) -> None:
    """Write `item` under `tag`."""
    head = tag << 8 | item.kind
    if not isinstance(item.value, tuple):
        write_scalar(item.kind, head, item.value, out)
        return
    out += pack_head(head, 0)
    mark = len(out)
    for child in item.value:
        write_item(child, child.tag, out)
    pack_length_into(out, mark - 4, len(out) - mark)


def check_form(data: bytes, limits: Limits = DEFAULT_LIMITS) -> None:
    """Refuse what the readers forgive: padding that is not zero, Booleans other than 0 and 1 (1.4 §9.1.1)."""
    decode_item(data, limits=limits)
    pos = 0
    while pos < len(data):
        head, length = unpack_head(data, pos)
        kind, pos = head & 0xFF, pos + 8
        if kind == ItemType.STRUCTURE:
            continue
        after = pos + ((length + 7) & -8)
        if any(data[pos + length : after]):
            raise invalid("padding that is not zero", pos + length)
        if kind == ItemType.BOOLEAN and data[pos : pos + 8] not in (bytes(8), bytes(7) + b"\x01"):
            raise invalid("a Boolean that is neither 0 nor 1", pos)
        pos = after
