"""The byte layout of tag, type, length, value (1.4 §9.1.1): one reader and one writer for each item type.

Every reader checks the length before it reads; whoever calls has checked that the value lies within its
structure.  Lenience costs nothing here: a Boolean is true when any bit is set, padding is not looked at.
`items.check_form` is the strict eye for both.
"""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct
from typing import Any, Final

from kmipd.spec.enumerations import ResultReason
from kmipd.spec.errors import ProtocolError
from kmipd.spec.kinds import ItemType, ItemValue

_HEAD: Final = Struct(">II")
unpack_head: Final = _HEAD.unpack_from
pack_head: Final = _HEAD.pack
pack_integer: Final = Struct(">IIixxxx").pack  # head, length 4, value, padding
pack_unsigned: Final = Struct(">IIIxxxx").pack
pack_long: Final = Struct(">IIq").pack
pack_length_into: Final = Struct(">I").pack_into
unpack_integer: Final = Struct(">i").unpack_from
unpack_unsigned: Final = Struct(">I").unpack_from
unpack_long: Final = Struct(">q").unpack_from
#: The padding for a length, by its last three bits.
PADDING: Final = (b"", b"\0" * 7, b"\0" * 6, b"\0" * 5, b"\0" * 4, b"\0" * 3, b"\0" * 2, b"\0")


def invalid(message: str, offset: int) -> ProtocolError:
    """The error for bytes that break the form."""
    return ProtocolError(ResultReason.INVALID_MESSAGE, message, offset=offset)


def read_integer(data: bytes, start: int, length: int) -> int:
    if length != 4:
        raise invalid(f"an Integer of {length} bytes", start)
    number: int = unpack_integer(data, start)[0]
    return number


def read_unsigned(data: bytes, start: int, length: int) -> int:
    if length != 4:
        raise invalid(f"an Enumeration or Interval of {length} bytes", start)
    number: int = unpack_unsigned(data, start)[0]
    return number


def read_long(data: bytes, start: int, length: int) -> int:
    if length != 8:
        raise invalid(f"a Long Integer or Date-Time of {length} bytes", start)
    number: int = unpack_long(data, start)[0]
    return number


def read_boolean(data: bytes, start: int, length: int) -> bool:
    if length != 8:
        raise invalid(f"a Boolean of {length} bytes", start)
    # IBM's kmipclient on x86 sends true as 01 00 00 00 00 00 00 00.
    return bool(unpack_long(data, start)[0])


def read_text(data: bytes, start: int, length: int) -> str:
    try:
        return str(data[start : start + length], "utf-8")
    except UnicodeDecodeError:
        raise invalid("a Text String that is not UTF-8", start) from None


def read_bytes(data: bytes, start: int, length: int) -> bytes:
    return data[start : start + length]


def read_big(data: bytes, start: int, length: int) -> int:
    if length == 0 or length & 7:
        raise invalid(f"a Big Integer of {length} bytes", start)
    return int.from_bytes(data[start : start + length], "big", signed=True)


def write_integer(head: int, value: int, out: bytearray) -> None:
    out += pack_integer(head, 4, value)


def write_unsigned(head: int, value: int, out: bytearray) -> None:
    out += pack_unsigned(head, 4, value)


def write_long(head: int, value: int, out: bytearray) -> None:
    out += pack_long(head, 8, value)


def write_boolean(head: int, value: int, out: bytearray) -> None:
    out += pack_long(head, 8, 1 if value else 0)


def write_text(head: int, value: str, out: bytearray) -> None:
    raw = value.encode()
    out += pack_head(head, len(raw))
    out += raw
    out += PADDING[len(raw) & 7]


def write_bytes(head: int, value: bytes, out: bytearray) -> None:
    out += pack_head(head, len(value))
    out += value
    out += PADDING[len(value) & 7]


def write_big(head: int, value: int, out: bytearray) -> None:
    size = (value.bit_length() // 64 + 1) * 8  # the shortest multiple of eight that holds the sign
    out += pack_head(head, size)
    out += value.to_bytes(size, "big", signed=True)


def write_scalar(kind: ItemType, head: int, value: ItemValue, out: bytearray) -> None:
    """Write a value of any item type but Structure."""
    if isinstance(value, str):
        write_text(head, value, out)
    elif isinstance(value, bytes):
        write_bytes(head, value, out)
    elif isinstance(value, tuple):
        raise TypeError(f"a {kind.name} cannot hold items")
    else:
        WRITERS[kind](head, value, out)


READERS: Final[dict[ItemType, Callable[[bytes, int, int], int | str | bytes]]] = {
    ItemType.INTEGER: read_integer,
    ItemType.LONG_INTEGER: read_long,
    ItemType.BIG_INTEGER: read_big,
    ItemType.ENUMERATION: read_unsigned,
    ItemType.BOOLEAN: read_boolean,
    ItemType.TEXT_STRING: read_text,
    ItemType.BYTE_STRING: read_bytes,
    ItemType.DATE_TIME: read_long,
    ItemType.INTERVAL: read_unsigned,
    ItemType.DATE_TIME_EXTENDED: read_long,
}

#: For the item types that are numbers in Python.
WRITERS: Final[dict[ItemType, Callable[[int, Any, bytearray], None]]] = {
    ItemType.INTEGER: write_integer,
    ItemType.LONG_INTEGER: write_long,
    ItemType.BIG_INTEGER: write_big,
    ItemType.ENUMERATION: write_unsigned,
    ItemType.BOOLEAN: write_boolean,
    ItemType.DATE_TIME: write_long,
    ItemType.INTERVAL: write_unsigned,
    ItemType.DATE_TIME_EXTENDED: write_long,
}
