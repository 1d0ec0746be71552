"""Items as JSON and back (additional message encodings 1.0, §4.1).

The text is what OASIS prints: an item a line, Integers as hexadecimal digits.
"""

from __future__ import annotations

import json
import re
from enum import IntFlag
from typing import Any, Final

from kmipd.protocol import texts, values
from kmipd.protocol.limits import DEFAULT_LIMITS, Limits
from kmipd.protocol.texts import NOWHERE, Reading
from kmipd.protocol.vocabulary import Words
from kmipd.protocol.wire import invalid
from kmipd.spec.errors import ProtocolError
from kmipd.spec.kinds import Item, ItemType, ItemValue

#: Strings, which may hold brackets. One that does not end reaches to the end of the text.
_STRINGS: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)', re.DOTALL)
_NO_BRACKETS: Final = bytes(set(range(256)) - set(b"[{]}"))
_NUMBERS: Final = frozenset(ItemType) - {
    ItemType.STRUCTURE,
    ItemType.BOOLEAN,
    ItemType.TEXT_STRING,
    ItemType.BYTE_STRING,
}


def decode_json(data: bytes, *, limits: Limits = DEFAULT_LIMITS) -> Item:
    """Read exactly one item; ProtocolError for anything that is none."""
    texts.check_size(data, limits)
    reading = Reading(limits)
    try:
        return _item(_parsed(data, limits), None, 0, reading)
    except ProtocolError as error:
        error.version = reading.version
        raise


def _parsed(data: bytes, limits: Limits) -> Any:
    _check_brackets(data, limits)
    try:
        return json.loads(data.decode(), object_pairs_hook=_object, parse_float=_no_number, parse_constant=_no_number)
    except json.JSONDecodeError as error:
        raise invalid(f"this is not JSON: {error.msg}", error.pos) from None
    except UnicodeDecodeError as error:
        raise invalid("this is not JSON: it is not UTF-8", error.start) from None
    except ValueError as error:  # of ours, or a number of thousands of digits
        raise invalid(f"this is not a KMIP message: {error}", NOWHERE) from None


def _check_brackets(data: bytes, limits: Limits) -> None:
    """The parser recurses: too deep a text is refused before it is parsed. An item takes an object and an array."""
    depth, deepest = 0, 2 * limits.nesting_depth_max + 2
    for bracket in _STRINGS.sub(b"", data).translate(None, _NO_BRACKETS):
        depth += 1 if bracket in b"[{" else -1
        if depth > deepest:
            raise invalid(f"nested deeper than {limits.nesting_depth_max}", NOWHERE)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a name occurs twice in one object")
    return made


def _no_number(_text: str) -> Any:
    raise ValueError("KMIP has whole numbers only")


def _item(given: Any, attribute: str | None, depth: int, reading: Reading) -> Item:
    if not isinstance(given, dict) or not isinstance(given.get("tag"), str):
        raise invalid('an item is an object with a "tag"', NOWHERE)
    tag = texts.read_tag(given["tag"])
    try:
        name = given.get("type", "Structure")
        kind = texts.read_kind(name) if isinstance(name, str) else None
        if kind is None:
            raise invalid("not an item type", NOWHERE)
        if kind is ItemType.STRUCTURE:
            return reading.structure(tag, _items(given.get("value"), depth, reading))
        return Item(tag, kind, _value(kind, texts.words_of(tag, attribute), given.get("value")))
    except ProtocolError as error:
        raise texts.within(texts.tag_text(tag) or f"{tag:06X}", error) from None


def _items(given: Any, depth: int, reading: Reading) -> list[Item]:
    reading.check_depth(depth)
    items: list[Item] = []
    if given is None:
        return items
    if not isinstance(given, list):
        raise invalid("the value of a Structure is an array", NOWHERE)
    attribute: str | None = None
    for one in given:
        reading.check_count(items)
        item = _item(one, attribute, depth + 1, reading)
        attribute = texts.attribute_after(item, attribute)
        items.append(item)
    return items


def _value(kind: ItemType, words: Words | None, given: Any) -> ItemValue:
    if isinstance(given, str):
        return texts.parse(kind, words, given)
    if isinstance(given, bool):
        if kind is ItemType.BOOLEAN:
            return given
    elif isinstance(given, int) and kind in _NUMBERS:
        try:
            return values.in_range(kind, given)
        except ValueError as error:
            raise invalid(str(error), NOWHERE) from None
    raise invalid(f"not a value of the type {texts.KIND_NAMES[kind]}", NOWHERE)


# Writing -----------------------------------------------------------------------------------------------------


def encode_json(item: Item) -> bytes:
    """Write one item."""
    out: list[str] = []
    _write(item, None, out)
    return "".join(out).encode()


def _write(item: Item, attribute: str | None, out: list[str]) -> None:
    name = texts.tag_text(item.tag) or values.hexadecimal(item.tag, 6)
    if not isinstance(item.value, tuple):
        said = _said(item, texts.words_of(item.tag, attribute))
        out.append(f'{{"tag":"{name}", "type":"{texts.KIND_NAMES[item.kind]}", "value":{said}}}')
        return
    out.append(f'{{"tag":"{name}", "value":[')
    attribute = None
    for index, child in enumerate(item.value):
        out.append(",\n" if index else "\n")
        _write(child, attribute, out)
        attribute = texts.attribute_after(child, attribute)
    out.append("\n]}")


def _said(item: Item, words: Words | None) -> str:
    value = item.value
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, bytes):
        return f'"{value.hex()}"'
    assert isinstance(value, int)
    if item.kind is ItemType.BOOLEAN:
        return "true" if value else "false"
    return f'"{_number(item.kind, words, value)}"'


def _number(kind: ItemType, words: Words | None, number: int) -> str:
    match kind:
        case ItemType.ENUMERATION:
            return values.enumeration(words, number)
        case ItemType.INTEGER if words is not None and issubclass(words, IntFlag):
            return values.mask(words, number, "|")
        case ItemType.DATE_TIME | ItemType.DATE_TIME_EXTENDED:
            return values.date(kind, number)
        case ItemType.BIG_INTEGER:
            return f"0x{values.big_integer(number)}"
        case ItemType.LONG_INTEGER:
            return values.hexadecimal(number, 16)
        case _:
            return values.hexadecimal(number, 8)
