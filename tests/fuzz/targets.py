"""What must hold for any bytes, one function for each reader."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import replace

from kmipd.doors.https import HTTPFramer
from kmipd.doors.kmip import unreadable
from kmipd.protocol import (
    DEFAULT_LIMITS,
    Encoding,
    Framer,
    ProtocolError,
    decode_item,
    encode_item,
    from_ttlv,
    outline,
    read_request,
    read_response,
    to_ttlv,
)
from kmipd.spec.enumerations import ResultReason
from kmipd.spec.kinds import Item, ItemType

#: What comes of an item may be longer than what it was read from.
_ROOMY = replace(DEFAULT_LIMITS, message_size_max=1 << 30, text_size_max=1 << 30)

_ANSWER = unreadable(ProtocolError(ResultReason.GENERAL_FAILURE, "an answer"))


def ttlv(data: bytes) -> None:
    """As a message, as an item, as a stream; and what is an item survives the other encodings."""
    for read in (read_request, read_response):
        with contextlib.suppress(ProtocolError):
            read(data)
    outline(data)
    framer = Framer()
    framer.receive_data(data)
    with contextlib.suppress(ProtocolError):
        while framer.next_message() is not None:
            continue
    with contextlib.suppress(ProtocolError):
        item = decode_item(data)
        assert decode_item(encode_item(item)) == item
        for encoding in (Encoding.JSON, Encoding.XML):
            _survives(encoding, item)


def json(data: bytes) -> None:
    _text(Encoding.JSON, data)


def xml(data: bytes) -> None:
    _text(Encoding.XML, data)


def http(data: bytes) -> None:
    """In the chunks that the first byte says; every message is answered, what is refused is refused in HTTP."""
    size = data[0] + 1 if data else 1
    framer = HTTPFramer(DEFAULT_LIMITS, b"")
    for start in range(1, len(data), size):
        framer.receive_data(data[start : start + size])
        while not framer.over:
            answer = _ANSWER
            try:
                message = framer.next_message()
            except ProtocolError as error:
                message = answer = unreadable(error)
            if message is None:
                break
            assert framer.wrap(answer).startswith(b"HTTP/1.1 200 OK\r\n")
        sent = framer.outgoing()
        assert not sent or sent.startswith((b"HTTP/1.1 100 ", b"HTTP/1.1 4", b"HTTP/1.1 5"))
        assert framer.pending >= 0


def _text(encoding: Encoding, data: bytes) -> None:
    try:
        made = to_ttlv(encoding, data)
    except ProtocolError as error:
        read_response(unreadable(error))
        return
    item = decode_item(made, limits=_ROOMY)
    assert encode_item(item) == made
    _survives(encoding, item)
    with contextlib.suppress(ProtocolError):
        read_request(made)


def _survives(encoding: Encoding, item: Item) -> None:
    try:
        text = from_ttlv(encoding, encode_item(item))
    except ProtocolError:
        assert encoding is Encoding.XML
        assert _texts(item), "only a Text String can be what XML cannot say"
        return
    assert decode_item(to_ttlv(encoding, text, _ROOMY), limits=_ROOMY) == item


def _texts(item: Item) -> bool:
    if isinstance(item.value, tuple):
        return any(map(_texts, item.value))
    return item.kind is ItemType.TEXT_STRING


TARGETS: dict[str, Callable[[bytes], None]] = {"ttlv": ttlv, "json": json, "xml": xml, "http": http}
