"""How KMIP is written: bytes to structures and back, from the declarations of `kmipd.spec`. No I/O.

A door needs `Framer`, `read_request` and `write_response`, and for JSON and XML `to_ttlv` and `from_ttlv`; the registry
`dump_attributes`, `load_attributes`, `dump_structure` and `load_structure`; a log `outline`.
"""

from kmipd.protocol.connection import Framer
from kmipd.protocol.diagnostics import outline
from kmipd.protocol.encodings import Encoding, from_ttlv, to_ttlv
from kmipd.protocol.items import decode_item, encode_item
from kmipd.protocol.limits import DEFAULT_LIMITS, Limits
from kmipd.protocol.schema import Newer
from kmipd.protocol.storage import (
    decode_value,
    dump_attributes,
    dump_structure,
    encode_value,
    load_attributes,
    load_structure,
)
from kmipd.protocol.ttlv import peek_version, prepare, read_request, read_response, write_request, write_response
from kmipd.spec.errors import NotInVersion, ProtocolError

__all__ = [
    "DEFAULT_LIMITS",
    "Encoding",
    "Framer",
    "Limits",
    "Newer",
    "NotInVersion",
    "ProtocolError",
    "decode_item",
    "decode_value",
    "dump_attributes",
    "dump_structure",
    "encode_item",
    "encode_value",
    "from_ttlv",
    "load_attributes",
    "load_structure",
    "outline",
    "peek_version",
    "prepare",
    "read_request",
    "read_response",
    "to_ttlv",
    "write_request",
    "write_response",
]
