"""What reading JSON and reading XML have in common: names, bounds, and where an error is."""

from __future__ import annotations

import re
from typing import Final

from kmipd.protocol.limits import Limits
from kmipd.protocol.values import read_value
from kmipd.protocol.vocabulary import Words, by_attribute, by_tag
from kmipd.protocol.wire import invalid
from kmipd.spec.errors import ProtocolError
from kmipd.spec.kinds import Item, ItemType, ItemValue
from kmipd.spec.names import camel, tag_name, tag_named
from kmipd.spec.tags import Tag
from kmipd.spec.versions import Version

KIND_NAMES: Final = {kind: camel(kind.name) for kind in ItemType}
_KINDS: Final = {name: kind for kind, name in KIND_NAMES.items()}
_TAG_NAMES: Final = {int(tag): tag_name(tag) for tag in Tag}
_TAG: Final = re.compile(r"0[xX]([0-9a-fA-F]{6})", re.ASCII)
#: An error in a value that was written in a text is found nowhere in a TTLV message.
NOWHERE: Final = 0


class Reading:
    """The state of reading one message."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.version: Version | None = None  # as soon as it is known, so that an error can be answered in it

    def structure(self, tag: int, items: list[Item]) -> Item:
        item = Item(tag, ItemType.STRUCTURE, tuple(items))
        if tag == Tag.PROTOCOL_VERSION and self.version is None and [i.kind for i in items] == [ItemType.INTEGER] * 2:
            self.version = Version(*(int(i.value) for i in items))  # type: ignore[arg-type]
        return item

    def check_depth(self, depth: int) -> None:
        """`depth` structures lie around this one."""
        if depth >= self.limits.nesting_depth_max:
            raise invalid(f"nested deeper than {self.limits.nesting_depth_max}", NOWHERE)

    def check_count(self, items: list[Item]) -> None:
        """Before one more is added."""
        if len(items) >= self.limits.items_max:
            raise invalid(f"more than {self.limits.items_max} items", NOWHERE)


def check_size(data: bytes, limits: Limits) -> None:
    if len(data) > limits.text_size_max:
        raise invalid(f"{len(data)} bytes; the limit is {limits.text_size_max}", NOWHERE)


def read_tag(text: str) -> int:
    """The tag of a name or of `0x` and six hexadecimal digits."""
    known = tag_named(text)
    if known is not None:
        return int(known)
    if found := _TAG.fullmatch(text):
        return int(found[1], 16)
    raise invalid("not a tag of KMIP", NOWHERE)


def read_kind(text: str) -> ItemType:
    kind = _KINDS.get(text)
    if kind is None:
        raise invalid("not an item type", NOWHERE)
    return kind


def tag_text(tag: int) -> str | None:
    """The name of a tag of the standard."""
    return _TAG_NAMES.get(tag)


def words_of(tag: int, attribute: str | None) -> Words | None:
    """The words an item's number may be; `attribute` is the Attribute Name before it."""
    if tag == Tag.ATTRIBUTE_VALUE:
        return None if attribute is None else by_attribute().get(attribute)
    return by_tag().get(tag)


def attribute_after(item: Item, before: str | None) -> str | None:
    """The Attribute Name that holds for the items after this one."""
    return str(item.value) if item.tag == Tag.ATTRIBUTE_NAME else before


def parse(kind: ItemType, words: Words | None, text: str) -> ItemValue:
    try:
        return read_value(kind, words, text)
    except ValueError as error:
        raise invalid(str(error), NOWHERE) from None


def within(place: str, error: ProtocolError) -> ProtocolError:
    """The error, seen from the structure around it."""
    error.path = (place, *error.path)
    return error
