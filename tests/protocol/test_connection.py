"""Framing: whole, byte by byte, with trailing data."""

from __future__ import annotations

import pytest

from kmipd.protocol import Framer, Limits, ProtocolError, encode_item
from kmipd.spec.kinds import Item, ItemType
from kmipd.spec.tags import Tag

ONE = encode_item(Item(Tag.REQUEST_MESSAGE, ItemType.STRUCTURE, (Item(Tag.BATCH_COUNT, ItemType.INTEGER, 1),)))
TWO = encode_item(Item(Tag.RESPONSE_MESSAGE, ItemType.STRUCTURE, ()))


def test_whole() -> None:
    framer = Framer()
    assert framer.next_message() is None
    framer.receive_data(ONE)
    assert framer.next_message() == ONE
    assert framer.next_message() is None


def test_byte_by_byte() -> None:
    framer = Framer()
    found = []
    for byte in ONE + TWO:
        framer.receive_data(bytes([byte]))
        while (message := framer.next_message()) is not None:
            found.append(message)
    assert found == [ONE, TWO]
    assert framer.pending == 0


def test_trailing_data_waits_for_its_rest() -> None:
    framer = Framer()
    framer.receive_data(ONE + TWO + ONE[:11])
    assert framer.next_message() == ONE
    assert framer.next_message() == TWO
    assert framer.next_message() is None
    assert framer.pending == 11
    framer.receive_data(ONE[11:])
    assert framer.next_message() == ONE


def test_an_oversized_message_is_refused_by_its_head_alone() -> None:
    framer = Framer(Limits(message_size_max=64))
    framer.receive_data(ONE[:4] + (1 << 31).to_bytes(4, "big"))
    with pytest.raises(ProtocolError, match="the limit is 64"):
        framer.next_message()


@pytest.mark.parametrize(
    "start", [b"GET / HTTP/1.1\r\n", b"\x16\x03\x01", b"\x42\x00\x79\x01\0\0\0\0", ONE[:7] + b"\x07"]
)
def test_what_is_not_kmip_fails_at_once_and_for_good(start: bytes) -> None:
    framer = Framer()
    framer.receive_data(start)
    with pytest.raises(ProtocolError) as first:
        framer.next_message()
    framer.receive_data(ONE)
    with pytest.raises(ProtocolError) as second:
        framer.next_message()
    assert first.value is second.value
