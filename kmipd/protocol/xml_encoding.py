"""Items as XML and back (additional message encodings 1.0, §6.1).

Read by expat as a stream of events, which never builds a tree of what it is given. A document type declaration is
refused where it begins, so there are no entities to expand and nothing external to fetch.
"""

from __future__ import annotations

import re
from enum import IntFlag
from typing import Final
from xml.parsers import expat

from kmipd.protocol import texts, values
from kmipd.protocol.limits import DEFAULT_LIMITS, Limits
from kmipd.protocol.texts import NOWHERE, Reading
from kmipd.protocol.vocabulary import Words
from kmipd.protocol.wire import invalid
from kmipd.spec.enumerations import ResultReason
from kmipd.spec.errors import ProtocolError
from kmipd.spec.kinds import Item, ItemType

NAMESPACE: Final = "urn:oasis:tc:kmip:xmlns"
#: For tags without a name.
GENERIC: Final = "TTLV"
_ENCODINGS: Final = frozenset({None, "utf-8", "utf-16", "us-ascii", "iso-8859-1"})


def decode_xml(data: bytes, *, limits: Limits = DEFAULT_LIMITS) -> Item:
    """Read exactly one item; ProtocolError for anything that is none."""
    texts.check_size(data, limits)
    return _Document(limits).read(data)


class _Open:
    """An element whose end has not come."""

    __slots__ = ("attribute", "items", "kind", "name", "tag", "value")

    def __init__(self, tag: int, name: str, kind: ItemType, value: str | None) -> None:
        self.tag = tag
        self.name = name
        self.kind = kind
        self.value = value
        self.items: list[Item] = []
        self.attribute: str | None = None  # the Attribute Name among them


class _Document:
    def __init__(self, limits: Limits) -> None:
        self._reading = Reading(limits)
        self._open: list[_Open] = []
        self._whole: Item | None = None
        self._parser = parser = expat.ParserCreate(namespace_separator=" ")
        parser.buffer_text = True
        parser.XmlDeclHandler = self._declared
        parser.StartDoctypeDeclHandler = _no_doctype
        parser.StartElementHandler = self._begin
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = _no_text

    def read(self, data: bytes) -> Item:
        try:
            self._parser.Parse(data, True)
        except expat.ExpatError as error:
            reason = expat.ErrorString(error.code) or "malformed"
            raise self._placed(invalid(f"this is not XML: {reason}", NOWHERE)) from None
        except ProtocolError as error:
            raise self._placed(error) from None
        assert self._whole is not None  # expat accepts no document without an element
        return self._whole

    def _placed(self, error: ProtocolError) -> ProtocolError:
        error.path = tuple(element.name for element in self._open)
        error.offset = max(self._parser.CurrentByteIndex, 0)
        error.version = self._reading.version
        return error

    def _declared(self, _version: str, encoding: str | None, _standalone: int) -> None:
        if (encoding.lower() if encoding else None) not in _ENCODINGS:
            raise invalid("XML in another encoding than UTF-8", NOWHERE)

    def _begin(self, name: str, attributes: dict[str, str]) -> None:
        namespace, _, local = name.rpartition(" ")
        if namespace not in ("", NAMESPACE):
            raise invalid("an element of another namespace", NOWHERE)
        self._reading.check_depth(len(self._open))
        if self._open:
            around = self._open[-1]
            if around.kind is not ItemType.STRUCTURE:
                raise invalid(f"an item within a {texts.KIND_NAMES[around.kind]}", NOWHERE)
            self._reading.check_count(around.items)
        tag = texts.read_tag(attributes.get("tag", "") if local == GENERIC else local)
        kind = texts.read_kind(attributes.get("type", "Structure"))
        self._open.append(_Open(tag, texts.tag_text(tag) or f"{tag:06X}", kind, attributes.get("value")))

    def _end(self, _name: str) -> None:
        element = self._open[-1]
        around = self._open[-2] if len(self._open) > 1 else None
        item = self._item(element, around.attribute if around else None)
        self._open.pop()
        if around is None:
            self._whole = item
        else:
            around.items.append(item)
            around.attribute = texts.attribute_after(item, around.attribute)

    def _item(self, element: _Open, attribute: str | None) -> Item:
        if element.kind is ItemType.STRUCTURE:
            if element.value is not None:
                raise invalid("a Structure with a value", NOWHERE)
            return self._reading.structure(element.tag, element.items)
        if element.value is None:
            raise invalid("no value", NOWHERE)
        words = texts.words_of(element.tag, attribute)
        return Item(element.tag, element.kind, texts.parse(element.kind, words, element.value))


def _no_doctype(*_arguments: object) -> None:
    raise invalid("XML with a document type declaration", NOWHERE)


def _no_text(text: str) -> None:
    if not text.isspace():
        raise invalid("text between the elements", NOWHERE)


# Writing -----------------------------------------------------------------------------------------------------

#: What XML 1.0 has no way to say, not even as a character reference (§2.2).
_UNSAYABLE: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ESCAPES: Final = str.maketrans(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\t": "&#9;", "\n": "&#10;", "\r": "&#13;"}
)


def encode_xml(item: Item) -> bytes:
    """Write one item; ProtocolError for a Text String with characters that XML does not have."""
    out: list[str] = []
    _write(item, None, out)
    return "".join(out).encode()


def _write(item: Item, attribute: str | None, out: list[str]) -> None:
    known = texts.tag_text(item.tag)
    begin, end = (known, known) if known else (f'{GENERIC} tag="{values.hexadecimal(item.tag, 6)}"', GENERIC)
    if not isinstance(item.value, tuple):
        said = _said(item, texts.words_of(item.tag, attribute))
        out.append(f'<{begin} type="{texts.KIND_NAMES[item.kind]}" value="{said}"/>\n')
    elif not item.value:
        out.append(f"<{begin}/>\n")
    else:
        out.append(f"<{begin}>\n")
        attribute = None
        for child in item.value:
            _write(child, attribute, out)
            attribute = texts.attribute_after(child, attribute)
        out.append(f"</{end}>\n")


def _said(item: Item, words: Words | None) -> str:
    value = item.value
    if isinstance(value, str):
        if _UNSAYABLE.search(value):
            raise ProtocolError(ResultReason.GENERAL_FAILURE, "a Text String with characters that XML does not have")
        return value.translate(_ESCAPES)
    if isinstance(value, bytes):
        return value.hex()
    assert isinstance(value, int)
    return _number(item.kind, words, value)


def _number(kind: ItemType, words: Words | None, number: int) -> str:
    match kind:
        case ItemType.BOOLEAN:
            return "true" if number else "false"
        case ItemType.ENUMERATION:
            return values.enumeration(words, number)
        case ItemType.INTEGER if words is not None and issubclass(words, IntFlag):
            return values.mask(words, number, " ")
        case ItemType.DATE_TIME | ItemType.DATE_TIME_EXTENDED:
            return values.date(kind, number)
        case ItemType.BIG_INTEGER:
            return values.big_integer(number)
        case _:
            return str(number)
