"""Where the fuzzers begin: messages of the corpus in every encoding, and the words the encodings are made of."""

from __future__ import annotations

from kmipd.protocol import Encoding, decode_item, from_ttlv
from kmipd.protocol.texts import KIND_NAMES
from kmipd.spec.kinds import Item, ItemType
from kmipd.spec.names import tag_name
from kmipd.spec.tags import Tag
from tests.protocol.corpus import VERSIONS, case_samples, hex_samples

_SIZE_MAX = 2000  # bytes of a seed: mutations of small messages say more in the same time


def seeds(target: str) -> list[bytes]:
    """Messages that differ in what is in them, not in their values."""
    shapes: dict[object, bytes] = {}
    for samples in (hex_samples(), *map(case_samples, VERSIONS)):
        for sample in samples:
            if len(sample.data) <= _SIZE_MAX:
                shapes.setdefault(_shape(decode_item(sample.data)), sample.data)
    return [made for data in shapes.values() for made in _SEEDS[target](data)]


def words(target: str) -> list[str]:
    """Words that a mutation may put in."""
    if target == "http":
        return [
            "POST",
            "/kmip",
            "HTTP/1.1",
            "HTTP/1.0",
            "Content-Length: ",
            "Content-Type: ",
            "Host: h",
            "\r\n",
            "\r\n\r\n",
            "Expect: 100-continue",
            "Transfer-Encoding: chunked",
            "Connection: close",
            *(e.value for e in Encoding),
        ]
    if target == "ttlv":
        return []
    marks = ['"tag":', '"type":', '"value":', "[", "]", "{", "}", "null", "true", "\\u"]
    if target == "xml":
        marks = [
            "<!DOCTYPE",
            "<!ENTITY",
            "<![CDATA[",
            "<?xml ",
            "<!--",
            "-->",
            "&#",
            "xmlns=",
            'type="',
            'value="',
            "<TTLV",
        ]
    return [*marks, "0x", *KIND_NAMES.values(), *map(tag_name, Tag)]


def _shape(item: Item) -> object:
    if isinstance(item.value, tuple):
        return item.tag, tuple(map(_shape, item.value))
    return item.tag, item.value if item.kind is ItemType.ENUMERATION else item.kind


def _http(data: bytes) -> list[bytes]:
    bodies = [(encoding.value, from_ttlv(encoding, data)) for encoding in Encoding]
    return [
        b"\xff"
        + b"POST /kmip HTTP/1.1\r\nHost: h\r\nContent-Type: %b\r\nContent-Length: %d\r\n\r\n%b"
        % (media.encode(), len(body), body)
        for media, body in bodies
    ]


_SEEDS = {
    "ttlv": lambda data: [data],
    "json": lambda data: [from_ttlv(Encoding.JSON, data)],
    "xml": lambda data: [from_ttlv(Encoding.XML, data)],
    "http": _http,
}
