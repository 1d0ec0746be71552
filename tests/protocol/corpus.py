"""The corpus no one here wrote (kmip-conformance §2), as TTLV.

`KMIPD_CORPUS` says where it is; by default beside the project.  The XML of the test cases is turned into TTLV by
the names of `kmipd.spec` alone, so that it also proves them.
"""

from __future__ import annotations

import os
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from kmipd.protocol import encode_item
from kmipd.spec.attributes import by_name
from kmipd.spec.kinds import Item, ItemType
from kmipd.spec.names import camel, member_named, tag_named
from kmipd.spec.tags import Tag
from tests.support.vocabulary import MASKS, enumeration_of

_ROOT = Path(__file__).parents[2]
CORPUS = Path(os.environ.get("KMIPD_CORPUS", _ROOT / ".." / "shared" / "kmip")).resolve()

needs_corpus = pytest.mark.skipif(
    not CORPUS.is_dir(), reason=f"no KMIP corpus at {CORPUS} (set KMIPD_CORPUS to the directory)"
)

VERSIONS = ("1.0", "1.1", "1.2", "1.3", "1.4", "2.0", "2.1")


class Sample(NamedTuple):
    """One message of the corpus."""

    name: str  # file and place
    data: bytes

    @property
    def is_request(self) -> bool:
        return self.data[2] == Tag.REQUEST_MESSAGE & 0xFF


def hex_samples() -> Iterator[Sample]:
    """The messages of hex/*.hex, one a line."""
    for path in sorted((CORPUS / "hex").glob("*.hex")):
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if line.strip() and not line.startswith("#"):
                yield Sample(f"{path.name}:{number}", bytes.fromhex(line))


def case_samples(version: str) -> Iterator[Sample]:
    """The messages of every test case of a version."""
    for path in sorted((CORPUS / "cases" / version).rglob("*.xml")):
        for number, element in enumerate(messages(path), 1):
            yield Sample(f"{path.stem}:{number}", encode_item(to_item(element)))


def samples() -> Iterator[Sample]:
    """Everything."""
    yield from hex_samples()
    for version in VERSIONS:
        yield from case_samples(version)


def messages(path: Path) -> list[ElementTree.Element]:
    """The requests and responses of a test case, in order."""
    text = path.read_text(encoding="utf-8-sig")
    # TC-ECDSA-SIGN-1-14 ends twice (errata, kmip-conformance §2.6).
    end = re.search(r"</(KMIP|KmipTestCase)>", text)
    root = ElementTree.fromstring(text[: end.end()] if end else text)
    return [element for element in root if element.tag in ("RequestMessage", "ResponseMessage")]


# --- XML (additional message encodings 1.0, §6) to Items ------------------------------------------------

_KINDS = {camel(kind.name): kind for kind in ItemType}
_NOW = 1_400_000_000


Variable = Callable[[ItemType, str], Any]  # what a "$NAME" stands for


def _anything(kind: ItemType, text: str) -> Any:
    """For a codec one value is as good as another."""
    if text.startswith("$NOW"):
        return _NOW + int(text[4:] or "0")
    return text if kind is ItemType.TEXT_STRING else b"\x2a" * 16


def to_item(element: ElementTree.Element, variable: Variable = _anything, named: Tag | None = None) -> Item:
    """One element and what it holds; `named` is the attribute an Attribute Value belongs to."""
    tag: Tag | int
    if element.tag == "TTLV":
        tag = int(element.attrib["tag"], 16)
    else:
        known = tag_named(element.tag)
        assert known is not None, element.tag
        tag = known
    kind = _KINDS[element.attrib.get("type", "Structure")]
    if kind is ItemType.STRUCTURE:
        return Item(tag, kind, tuple(_children(element, variable)))
    text = element.attrib.get("value", "")
    if text.startswith("$"):
        return Item(tag, kind, variable(kind, text))
    meant = named if tag == Tag.ATTRIBUTE_VALUE and named is not None else tag
    return Item(tag, kind, _value(kind, meant, text))


def _children(element: ElementTree.Element, variable: Variable) -> Iterator[Item]:
    named = None
    for child in element:
        if child.tag == "AttributeName":
            rule = by_name(" ".join(child.attrib.get("value", "").split()))
            named = rule.tag if rule else None
        yield to_item(child, variable, named)


def _value(kind: ItemType, tag: Tag | int, text: str) -> int | str | bytes:
    match kind:
        case ItemType.TEXT_STRING:
            return text
        case ItemType.BYTE_STRING:
            return bytes.fromhex(text)
        case ItemType.BOOLEAN:
            return text.strip().lower() in ("true", "1")
        case ItemType.ENUMERATION:
            return _enumeration(tag, text.strip())
        case ItemType.INTEGER if tag in MASKS:
            return sum(_member(MASKS[Tag(tag)], word) for word in re.split(r"[ |]+", text) if word)
        case ItemType.BIG_INTEGER:
            return int.from_bytes(bytes.fromhex(text), "big", signed=True)
        case ItemType.DATE_TIME | ItemType.DATE_TIME_EXTENDED:
            return _time(text)
        case _:
            return int(text, 0)


def _enumeration(tag: Tag | int, text: str) -> int:
    if text.startswith(("0x", "0X")):
        return int(text, 16)
    cls = enumeration_of(tag)
    assert cls is not None, Tag(tag)
    return _member(cls, text)


def _member(cls: type, text: str) -> int:
    if text.startswith(("0x", "0X")):
        return int(text, 16)
    member = tag_named(text) if cls is Tag else member_named(cls, text)
    assert member is not None, f"{cls.__name__}: {text}"
    return int(member)


def _time(text: str) -> int:
    return int(datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp())
