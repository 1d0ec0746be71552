"""The three ways to write a message, and the way from each to TTLV and back.

Whatever the encoding, a message is read and answered as TTLV, so that every size means what it means there
(additional message encodings 1.0, §4 and §6: lengths are "as if the message encoding were in TTLV form").
"""

from __future__ import annotations

from dataclasses import replace
from enum import Enum
from typing import Final

from kmipd.protocol.items import decode_item, encode_item
from kmipd.protocol.json_encoding import decode_json, encode_json
from kmipd.protocol.limits import DEFAULT_LIMITS, Limits
from kmipd.protocol.xml_encoding import decode_xml, encode_xml


class Encoding(Enum):
    """The value is the media type (additional message encodings 1.0, §2.4)."""

    TTLV = "application/octet-stream"
    JSON = "application/json"
    XML = "text/xml"


_DECODE: Final = {Encoding.JSON: decode_json, Encoding.XML: decode_xml}
_ENCODE: Final = {Encoding.JSON: encode_json, Encoding.XML: encode_xml}
#: An answer of ours may be as long as it is; only its depth cannot be more than what is read.
_OURS: Final = replace(DEFAULT_LIMITS, items_max=1 << 32)


def to_ttlv(encoding: Encoding, data: bytes, limits: Limits = DEFAULT_LIMITS) -> bytes:
    """The message in TTLV; ProtocolError when `data` is not one item in that encoding."""
    return data if encoding is Encoding.TTLV else encode_item(_DECODE[encoding](data, limits=limits))


def from_ttlv(encoding: Encoding, data: bytes) -> bytes:
    """A message of ours, which is sound TTLV; ProtocolError when the encoding has no way to say it."""
    return data if encoding is Encoding.TTLV else _ENCODE[encoding](decode_item(data, limits=_OURS))
