"""How JSON and XML say the value of an item (additional message encodings 1.0, §4.1.6 and §6.1.6).

Both encodings are read by one function, which takes every form that either of them has. A ValueError says what is
wrong in words without the value, which may be a secret.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from enum import IntFlag
from typing import Final

from kmipd.protocol.vocabulary import Words
from kmipd.spec.kinds import ItemType, ItemValue
from kmipd.spec.names import member_name, member_named, tag_name, tag_named
from kmipd.spec.tags import Tag

_DECIMAL: Final = re.compile(r"[+-]?[0-9]{1,20}", re.ASCII)
_HEX: Final = re.compile(r"0[xX]([0-9a-fA-F]+)", re.ASCII)
_DATE: Final = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.([0-9]+))?(Z|[+-][0-9]{2}:[0-9]{2})?", re.ASCII
)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
#: The numbers a fixed width holds, as least, greatest and bits.
_RANGES: Final = {
    ItemType.INTEGER: (-(1 << 31), (1 << 31) - 1, 32),
    ItemType.LONG_INTEGER: (-(1 << 63), (1 << 63) - 1, 64),
    ItemType.ENUMERATION: (0, (1 << 32) - 1, 32),
    ItemType.INTERVAL: (0, (1 << 32) - 1, 32),
    ItemType.DATE_TIME: (-(1 << 63), (1 << 63) - 1, 64),
    ItemType.DATE_TIME_EXTENDED: (-(1 << 63), (1 << 63) - 1, 64),
}
#: Between the words of a mask: blanks in XML, bars in JSON; each is understood in both.
_SEPARATORS: Final = re.compile(r"[\s|]+")


# Reading -----------------------------------------------------------------------------------------------------


def read_value(kind: ItemType, words: Words | None, text: str) -> ItemValue:
    """The value `text` stands for; ValueError when it stands for none."""
    if kind is ItemType.TEXT_STRING:
        return whole_text(text)
    return _READERS[kind](kind, words, text.strip())


def whole_text(text: str) -> str:
    """A Text String that UTF-8 can say: JSON has escapes for half a character."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("half a character (a lone surrogate)") from None
    return text


def in_range(kind: ItemType, number: int) -> int:
    """A number of the width the item type has."""
    if kind in _RANGES and not _RANGES[kind][0] <= number <= _RANGES[kind][1]:
        raise ValueError(f"a number too large for a {kind.name}")
    return number


def _number(kind: ItemType, _words: Words | None, text: str) -> int:
    if found := _HEX.fullmatch(text):
        return _from_hex(kind, found[1])
    if _DECIMAL.fullmatch(text):
        return in_range(kind, int(text))
    raise ValueError("neither a number nor 0x and hexadecimal digits")


def _from_hex(kind: ItemType, digits: str) -> int:
    least, _, bits = _RANGES[kind]
    number = int(digits, 16)
    if number >> bits:
        raise ValueError(f"more hexadecimal digits than a {kind.name} has")
    return number - (1 << bits) if least and number >> (bits - 1) else number


def _integer(kind: ItemType, words: Words | None, text: str) -> int:
    if words is None or not text or (text[0] in "+-0123456789" and not _SEPARATORS.search(text)):
        return _number(kind, words, text)
    total = 0
    for part in _SEPARATORS.split(text):
        total |= _word(kind, words, part) & 0xFFFFFFFF
    return total - (1 << 32) if total >> 31 else total


def _enumeration(kind: ItemType, words: Words | None, text: str) -> int:
    return _number(kind, words, text) if text[:1].isdigit() or words is None else _word(kind, words, text)


def _word(kind: ItemType, words: Words, text: str) -> int:
    if text[:1].isdigit():
        return _number(kind, words, text)
    member = tag_named(text) if words is Tag else member_named(words, text)
    if member is None:
        raise ValueError(f"not a word of {words.__name__}")
    return int(member)


def _boolean(_kind: ItemType, _words: Words | None, text: str) -> bool:
    if found := _HEX.fullmatch(text):
        return int(found[1], 16) != 0
    if text.lower() in ("true", "1"):
        return True
    if text.lower() in ("false", "0"):
        return False
    raise ValueError("neither true nor false")


def _bytes(_kind: ItemType, _words: Words | None, text: str) -> bytes:
    if text and not text.isalnum():  # bytes.fromhex() forgives blanks
        raise ValueError("not hexadecimal digits")
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise ValueError("not pairs of hexadecimal digits") from None


def _big(kind: ItemType, words: Words | None, text: str) -> int:
    data = _bytes(kind, words, text[2:] if text[:2] in ("0x", "0X") else text)
    if not data or len(data) & 7:
        raise ValueError("a Big Integer that is not sign-extended to a multiple of eight bytes")
    return int.from_bytes(data, "big", signed=True)


def _date(kind: ItemType, words: Words | None, text: str) -> int:
    found = _DATE.fullmatch(text)
    if found is None:
        return _number(kind, words, text)
    zone = "+00:00" if found[3] in (None, "Z") else found[3]
    try:
        since = datetime.fromisoformat(found[1] + zone) - _EPOCH
    except (ValueError, OverflowError):
        raise ValueError("a date that no calendar has") from None
    seconds = since // timedelta(seconds=1)
    if kind is ItemType.DATE_TIME:
        return seconds  # fractions are ignored (§4.1.6.11)
    return seconds * 1_000_000 + int((found[2] or "0")[:6].ljust(6, "0"))


_READERS: Final[dict[ItemType, Callable[[ItemType, Words | None, str], ItemValue]]] = {
    ItemType.INTEGER: _integer,
    ItemType.LONG_INTEGER: _number,
    ItemType.BIG_INTEGER: _big,
    ItemType.ENUMERATION: _enumeration,
    ItemType.BOOLEAN: _boolean,
    ItemType.BYTE_STRING: _bytes,
    ItemType.DATE_TIME: _date,
    ItemType.INTERVAL: _number,
    ItemType.DATE_TIME_EXTENDED: _date,
}


# Writing -----------------------------------------------------------------------------------------------------


def hexadecimal(number: int, digits: int) -> str:
    """`0x` and the digits of a fixed width, two's complement."""
    return f"0x{number & (1 << 4 * digits) - 1:0{digits}x}"


def big_integer(number: int) -> str:
    """Hexadecimal digits, sign-extended to the shortest multiple of eight bytes."""
    size = (number.bit_length() // 64 + 1) * 8
    return number.to_bytes(size, "big", signed=True).hex()


@functools.lru_cache(maxsize=4096)  # of a few thousand words, and not of all the numbers a peer can think of
def enumeration(words: Words | None, number: int) -> str:
    """The word for an enumeration's number, or hexadecimal digits when there is none."""
    if words is None or issubclass(words, IntFlag) or number not in words._value2member_map_:
        return hexadecimal(number, 8)
    member = words(number)
    return tag_name(member) if isinstance(member, Tag) else member_name(member)


def mask(words: type[IntFlag], number: int, separator: str) -> str:
    """The words of a mask; bits without a word as hexadecimal digits."""
    named = [bit for bit in words if number & bit]
    rest = number & 0xFFFFFFFF & ~sum(named)
    parts = [member_name(bit) for bit in named]
    if rest or not parts:
        parts.append(hexadecimal(rest, 8))
    return separator.join(parts)


def date(kind: ItemType, number: int) -> str:
    """ISO 8601 with UTC's offset; hexadecimal digits for what is in no year of four digits."""
    unit = timedelta(seconds=1) if kind is ItemType.DATE_TIME else timedelta(microseconds=1)
    try:
        return (_EPOCH + number * unit).isoformat()
    except OverflowError:
        return hexadecimal(number, 16)
