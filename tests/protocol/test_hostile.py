"""Any bytes give a message or ProtocolError, nothing else."""

from __future__ import annotations

import contextlib
import random
from itertools import islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kmipd.protocol import Limits, ProtocolError, decode_item, encode_item, outline, read_request, read_response
from kmipd.spec import enumerations as e
from kmipd.spec.kinds import Item, ItemType
from kmipd.spec.messages import Undecodable, UnknownPayload
from kmipd.spec.tags import Tag
from tests.protocol.corpus import case_samples, hex_samples, needs_corpus


def structure(tag: int, *children: Item) -> Item:
    return Item(tag, ItemType.STRUCTURE, children)


def integer(tag: int, value: int) -> Item:
    return Item(tag, ItemType.INTEGER, value)


def request(*items: Item, count: int | None = None, version: tuple[int, int] = (1, 4)) -> bytes:
    header = structure(
        Tag.REQUEST_HEADER,
        structure(
            Tag.PROTOCOL_VERSION,
            integer(Tag.PROTOCOL_VERSION_MAJOR, version[0]),
            integer(Tag.PROTOCOL_VERSION_MINOR, version[1]),
        ),
        integer(Tag.BATCH_COUNT, len(items) if count is None else count),
    )
    return encode_item(structure(Tag.REQUEST_MESSAGE, header, *items))


def batch_item(operation: int, *payload: Item) -> Item:
    return structure(
        Tag.BATCH_ITEM,
        Item(Tag.OPERATION, ItemType.ENUMERATION, operation),
        Item(Tag.UNIQUE_BATCH_ITEM_ID, ItemType.BYTE_STRING, bytes([operation & 0xFF])),
        structure(Tag.REQUEST_PAYLOAD, *payload),
    )


UID = Item(Tag.UNIQUE_IDENTIFIER, ItemType.TEXT_STRING, "1")


def deliver(data: bytes) -> None:
    for read in (read_request, read_response, decode_item):
        with contextlib.suppress(ProtocolError):
            read(data)
    outline(data)


@needs_corpus
def test_truncated_messages() -> None:
    for sample in islice(hex_samples(), 0, None, 9):
        for size in range(0, len(sample.data), 5):
            deliver(sample.data[:size])


@needs_corpus
@pytest.mark.parametrize("version", ["1.4", "2.1"])
def test_mutated_messages(version: str) -> None:
    chance = random.Random(20)
    for sample in islice(case_samples(version), 0, None, 4):
        for _ in range(8):
            data = bytearray(sample.data)
            for _ in range(chance.randint(1, 4)):
                data[chance.randrange(len(data))] = chance.choice((0, 1, 7, 8, 0x42, 0x7F, 0x80, 0xFF))
            deliver(bytes(data))


@given(st.binary(max_size=200))
@settings(max_examples=300, deadline=None)
def test_random_bytes(data: bytes) -> None:
    deliver(data)


_SCALARS = st.one_of(
    st.builds(Item, st.sampled_from(Tag), st.just(ItemType.INTEGER), st.integers(-(2**31), 2**31 - 1)),
    st.builds(Item, st.sampled_from(Tag), st.just(ItemType.ENUMERATION), st.integers(0, 2**32 - 1)),
    st.builds(Item, st.sampled_from(Tag), st.just(ItemType.BIG_INTEGER), st.integers(-(2**200), 2**200)),
    st.builds(Item, st.sampled_from(Tag), st.just(ItemType.TEXT_STRING), st.text(max_size=20)),
    st.builds(Item, st.sampled_from(Tag), st.just(ItemType.BYTE_STRING), st.binary(max_size=20)),
    st.builds(Item, st.sampled_from(Tag), st.just(ItemType.BOOLEAN), st.booleans()),
    st.builds(Item, st.sampled_from(Tag), st.just(ItemType.DATE_TIME), st.integers(-(2**63), 2**63 - 1)),
    st.builds(Item, st.sampled_from(Tag), st.just(ItemType.INTERVAL), st.integers(0, 2**32 - 1)),
)
ITEMS = st.recursive(
    _SCALARS,
    lambda children: st.builds(
        Item, st.sampled_from(Tag), st.just(ItemType.STRUCTURE), st.lists(children, max_size=4).map(tuple)
    ),
    max_leaves=12,
)


@given(ITEMS)
@settings(max_examples=200, deadline=None)
def test_any_item_survives_a_round_trip(item: Item) -> None:
    assert decode_item(encode_item(item)) == item


@given(st.sampled_from(list(e.Operation)), st.lists(ITEMS, max_size=4), st.sampled_from([(1, 0), (1, 4), (2, 1)]))
@settings(max_examples=300, deadline=None)
def test_any_payload_leaves_the_batch_whole(
    operation: e.Operation, payload: list[Item], version: tuple[int, int]
) -> None:
    message = read_request(request(batch_item(operation, *payload), batch_item(e.Operation.GET, UID), version=version))
    assert [item.operation for item in message.batch_item] == [operation, e.Operation.GET]
    assert not isinstance(message.batch_item[1].request_payload, Undecodable)


def test_a_broken_payload_keeps_its_operation_and_id() -> None:
    wrong = integer(Tag.UNIQUE_IDENTIFIER, 7), integer(Tag.UNIQUE_IDENTIFIER, 7)
    message = read_request(request(batch_item(e.Operation.GET, *wrong), batch_item(e.Operation.DESTROY, UID)))
    broken, sound = message.batch_item
    assert broken.operation is e.Operation.GET
    assert broken.unique_batch_item_id == b"\x0a"
    assert isinstance(broken.request_payload, Undecodable)
    error = broken.request_payload.error
    assert error.reason is e.ResultReason.INVALID_MESSAGE
    assert error.path[:3] == ("RequestMessage", "batch_item[0]", "request_payload")
    assert error.version == (1, 4)
    assert error.offset > 0
    assert not isinstance(sound.request_payload, Undecodable)


def test_an_unknown_operation_is_kept() -> None:
    message = read_request(request(batch_item(0x80000001, UID)))
    assert message.batch_item[0].operation == 0x80000001
    assert message.batch_item[0].request_payload == UnknownPayload(items=(UID,))


def test_unknown_enumeration_numbers_stay_numbers() -> None:
    unknown = Item(Tag.KEY_FORMAT_TYPE, ItemType.ENUMERATION, 0x8000_0042)
    payload = read_request(request(batch_item(e.Operation.GET, UID, unknown))).batch_item[0].request_payload
    assert payload.key_format_type == 0x8000_0042  # type: ignore[union-attr]
    assert not isinstance(payload.key_format_type, e.KeyFormatType)  # type: ignore[union-attr]


def test_fields_out_of_order_are_refused() -> None:
    key_format = Item(Tag.KEY_FORMAT_TYPE, ItemType.ENUMERATION, 1)
    message = read_request(request(batch_item(e.Operation.GET, key_format, UID)))
    assert isinstance(message.batch_item[0].request_payload, Undecodable)


def test_a_wrong_item_type_is_named_and_the_value_is_not() -> None:
    secret = Item(Tag.KEY_FORMAT_TYPE, ItemType.TEXT_STRING, "hunter2")
    payload = read_request(request(batch_item(e.Operation.GET, secret))).batch_item[0].request_payload
    assert isinstance(payload, Undecodable)
    assert "key_format_type" in str(payload.error)
    assert "hunter2" not in str(payload.error) + repr(payload)


@pytest.mark.parametrize("count", [0, 1, 3, -1])
def test_the_batch_count_must_be_true(count: int) -> None:
    items = [batch_item(e.Operation.GET, UID)] * 2
    with pytest.raises(ProtocolError, match="announced"):
        read_request(request(*items, count=count))


def test_limits() -> None:
    data = request(*[batch_item(e.Operation.GET, UID)] * 3)
    with pytest.raises(ProtocolError, match="the limit is 2"):
        read_request(data, Limits(batch_count_max=2))
    with pytest.raises(ProtocolError, match="more than 2"):
        read_request(data, Limits(items_max=2))
    with pytest.raises(ProtocolError, match="the limit is 100"):
        read_request(data, Limits(message_size_max=100))
    with pytest.raises(ProtocolError, match="nested deeper"):
        read_request(data, Limits(nesting_depth_max=0))


@pytest.mark.parametrize("depth", [31, 33, 5000])
def test_depth(depth: int) -> None:
    item = structure(0x540000)
    for _ in range(min(depth, 900) - 1):
        item = structure(0x540000, item)
    data = encode_item(item)
    for _ in range(depth - 900):
        data = (0x54000001).to_bytes(4, "big") + len(data).to_bytes(4, "big") + data
    if depth <= 32:
        decode_item(data)
    else:
        with pytest.raises(ProtocolError, match="nested deeper"):
            decode_item(data)


@pytest.mark.parametrize("version", [(0, 9), (3, 0), (-1, 0)])
def test_a_foreign_major_version_is_refused(version: tuple[int, int]) -> None:
    with pytest.raises(ProtocolError, match="not supported") as caught:
        read_request(request(batch_item(e.Operation.GET, UID), version=version))
    assert caught.value.version == version


def test_a_foreign_boolean_and_padding_are_forgiven_only_when_lenient() -> None:
    header = structure(
        Tag.REQUEST_HEADER,
        structure(Tag.PROTOCOL_VERSION, integer(Tag.PROTOCOL_VERSION_MAJOR, 1), integer(Tag.PROTOCOL_VERSION_MINOR, 4)),
        Item(Tag.BATCH_ORDER_OPTION, ItemType.BOOLEAN, 1),
        integer(Tag.BATCH_COUNT, 1),
    )
    data = encode_item(structure(Tag.REQUEST_MESSAGE, header, batch_item(e.Operation.GET, UID)))
    swapped = data.replace(bytes(7) + b"\x01", b"\x01" + bytes(7), 1)
    assert swapped != data
    assert read_request(swapped) == read_request(data)
    with pytest.raises(ProtocolError, match="Boolean"):
        read_request(swapped, lenient=False)
    padded = data[:-1] + b"\xff"
    assert read_request(padded) == read_request(data)
    with pytest.raises(ProtocolError, match="padding"):
        read_request(padded, lenient=False)
    assert read_request(data, lenient=False)
