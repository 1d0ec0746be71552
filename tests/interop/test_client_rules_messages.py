"""What real clients force on messages: rules 4 to 16 (`test_client_rules.py` lists all of them)."""

from __future__ import annotations

import struct
import time
from dataclasses import replace

import pytest

from kmipd import protocol
from kmipd.protocol import decode_item
from kmipd.spec import payloads as p
from kmipd.spec.attributes import Attribute
from kmipd.spec.enumerations import BatchErrorContinuationOption as Continuation
from kmipd.spec.enumerations import (
    KeyFormatType,
    ObjectType,
    QueryFunction,
    ResultReason,
    ResultStatus,
)
from kmipd.spec.enumerations import Operation as Op
from kmipd.spec.kinds import Item, ItemType
from kmipd.spec.messages import ResponseMessage
from kmipd.spec.payloads.parts import ProtocolVersion
from kmipd.spec.tags import Tag
from kmipd.spec.versions import V1_0, V1_1, V1_2, V1_3, V1_4, V2_0, V2_1, VERSIONS, Version
from tests.support import asking
from tests.support.client import Client, attribute, relabelled, request
from tests.support.editing import edited
from tests.support.fixtures import Connect
from tests.support.vocabulary import newer_words

QUERY = p.QueryRequestPayload(query_function=(QueryFunction.QUERY_OBJECTS,))
SUCCESS, FAILED = ResultStatus.SUCCESS, ResultStatus.OPERATION_FAILED


def discover(client: Client, *versions: Version, header: Version = V1_4) -> list[Version]:
    listed = tuple(ProtocolVersion.of(v) for v in versions)
    message = request((Op.DISCOVER_VERSIONS, p.DiscoverVersionsRequestPayload(protocol_version=listed)), version=V1_4)
    item = client.send_as(message, header).batch_item[0]
    assert item.result_status is SUCCESS, item.result_message
    assert isinstance(item.response_payload, p.DiscoverVersionsResponsePayload)
    return [v.version for v in item.response_payload.protocol_version]


def test_rule_04_discover_versions_best_first_and_only_what_was_listed(client: Client) -> None:
    assert discover(client, V1_0, V1_1, V1_2, V1_3, V1_4, V2_0, V2_1) == list(reversed(VERSIONS))  # IBM, ascending
    assert discover(client, V1_4) == [V1_4]  # Rook, ceph-csi, NooBaa demand exactly one
    assert discover(client, V1_4, V1_3, V1_2, V1_1, V1_0) == [V1_4, V1_3, V1_2, V1_1, V1_0]  # ovh
    assert discover(client, Version(9, 9), V1_2, Version(3, 0)) == [V1_2]
    assert discover(client, Version(9, 9)) == []
    assert discover(client) == list(reversed(VERSIONS))


@pytest.mark.parametrize("version", VERSIONS, ids=str)
def test_rule_05_discover_versions_in_any_header(client: Client, version: Version) -> None:
    assert discover(client, V1_0, V1_4, header=version) == [V1_4, V1_0]
    assert protocol.read_response(client.last).response_header.protocol_version.version == version


def test_rule_06_answers_speak_the_version_of_the_request(connect: Connect) -> None:
    newest = connect(V2_1)
    uid = asking.create(newest, (Tag.NAME, asking.name("rule 6")), ("x-note", "text"))
    for version in VERSIONS:
        client = connect(version)
        client.batch(
            (Op.GET_ATTRIBUTES, asking.attributes_request(version, uid)),
            (Op.GET_ATTRIBUTE_LIST, p.GetAttributeListRequestPayload(unique_identifier=uid)),
            (Op.QUERY, QUERY),
            (Op.GET, p.GetRequestPayload(unique_identifier=uid)),
            version=version,
        )
        assert list(newer_words(decode_item(client.last), version)) == []
        assert [i.result_status for i in protocol.read_response(client.last).batch_item] == [SUCCESS] * 4


def test_rule_07_offset_items_count_in_kmip_1_0(client: Client) -> None:
    """Percona's clients page so under a 1.0 header; a server that ignores the offset keeps them busy for ever."""
    uids = {asking.create(client, (Tag.OBJECT_GROUP, "rule 7"), length=128) for _ in range(20)}
    seen: list[str] = []
    while True:
        payload = asking.locate_request(V1_4, [(Tag.OBJECT_GROUP, "rule 7")], maximum_items=16, offset_items=len(seen))
        answer = client.send_as(request((Op.LOCATE, payload), version=V1_4), V1_0).batch_item[0].response_payload
        assert isinstance(answer, p.LocateResponsePayload)
        if not answer.unique_identifier:
            break
        seen += [str(uid) for uid in answer.unique_identifier]
        assert len(seen) <= len(uids), "the same identifiers again"
    assert set(seen) == uids
    assert answer.located_items is None, "a field of 1.3"


def test_rule_07_the_version_is_of_the_message_not_of_the_session(connect: Connect) -> None:
    client = connect(V1_4)
    uid = asking.register(client, ObjectType.SYMMETRIC_KEY, asking.symmetric(bytes(32)), (Tag.NAME, asking.name("r7")))
    client.version = V1_0
    assert asking.locate(client, (Tag.NAME, asking.name("r7"))) == [uid]
    assert asking.material(client, uid) == bytes(32)


@pytest.mark.parametrize("off", [-86_400, -61, 61, 86_400, 2**40, None])
def test_rule_08_the_age_of_the_time_stamp_does_not_matter(client: Client, off: int | None) -> None:
    stamp = None if off is None else int(time.time()) + off
    assert client.batch((Op.QUERY, QUERY), time_stamp=stamp).batch_item[0].result_status is SUCCESS


UBIDS = {
    "gemalto: a UUID": bytes.fromhex("0f1e2d3c4b5a69788796a5b4c3d2e1f0"),
    "vCenter: QLKC and a counter": b"QLKC" + struct.pack("<I", 7),
    "ovh: a counter": struct.pack(">Q", 1),
    "one byte": b"\x00",
    "long": b"x" * 300,
}


@pytest.mark.parametrize("ubid", UBIDS.values(), ids=UBIDS.keys())
def test_rule_09_the_batch_item_id_is_echoed_byte_for_byte(client: Client, ubid: bytes) -> None:
    unknown = p.GetRequestPayload(unique_identifier="nothing")
    for item, status in (((Op.QUERY, QUERY), SUCCESS), ((Op.GET, unknown), FAILED)):
        made = request(item, version=V1_4)
        made = replace(made, batch_item=(replace(made.batch_item[0], unique_batch_item_id=ubid),))
        answer = client.send(made).batch_item[0]
        assert (answer.result_status, answer.unique_batch_item_id) == (status, ubid)


def test_rule_09_batches_without_ids_are_answered_in_order(client: Client) -> None:
    """openCryptoki: Register and Activate in one message, neither with an id."""
    create = asking.create_request(V1_4, asking.aes())
    answer = client.batch((Op.CREATE, create), (Op.ACTIVATE, p.ActivateRequestPayload()), ids=False)
    assert [(i.operation, i.unique_batch_item_id) for i in answer.batch_item] == [
        (Op.CREATE, None),
        (Op.ACTIVATE, None),
    ]


def test_rule_10_the_placeholder_carries_through_a_batch(client: Client) -> None:
    answer = client.batch(
        (Op.CREATE, asking.create_request(V1_4, asking.aes())),
        (Op.ACTIVATE, p.ActivateRequestPayload()),
        (Op.GET, p.GetRequestPayload()),
        (Op.GET_ATTRIBUTES, asking.attributes_request(V1_4, None, Tag.STATE)),
        (Op.REVOKE, asking.revoke_request(None)),
        (Op.DESTROY, p.DestroyRequestPayload()),
    )
    assert [i.result_status for i in answer.batch_item] == [SUCCESS] * 6
    uids = {i.response_payload.unique_identifier for i in answer.batch_item}  # type: ignore[union-attr]
    assert len(uids) == 1


def test_rule_10_the_array_that_asks_everything_at_once(connect: Connect) -> None:
    """PyKMIP #459: Query, Locate, Get and Get Attributes in one batch, at 1.0, with an Integer custom attribute."""
    client = connect(V1_0)
    system = Item(Tag.ATTRIBUTE_VALUE, ItemType.INTEGER, 4711)
    uid = asking.register(
        client,
        ObjectType.OPAQUE_OBJECT,
        asking.opaque(b"array key"),
        ("x-ResourceID", "r1"),
        ("x-SystemID", system),
    )
    located = asking.locate_request(V1_0, [("x-ResourceID", "r1"), ("x-SystemID", system)])
    answer = client.batch(
        (Op.QUERY, p.QueryRequestPayload(query_function=(QueryFunction.QUERY_OPERATIONS,))),
        (Op.LOCATE, located),
        (Op.GET, p.GetRequestPayload()),
        (Op.GET_ATTRIBUTES, p.GetAttributesRequestPayload()),
    )
    assert [i.result_status for i in answer.batch_item] == [SUCCESS] * 4
    assert answer.batch_item[1].response_payload.unique_identifier == (uid,)  # type: ignore[union-attr]


def broken_batch(client: Client, option: Continuation | None) -> ResponseMessage:
    """Four items, the third of which has an Integer where Get has an Enumeration."""
    get = p.GetRequestPayload(unique_identifier=asking.create(client))
    raw = replace(get, key_format_type=KeyFormatType.RAW)
    items = [(Op.GET, get), (Op.GET, get), (Op.GET, raw), (Op.GET, get)]
    made = request(*items, version=V1_4, batch_error_continuation_option=option)

    def broken(item: Item) -> Item:
        return Item(item.tag, ItemType.INTEGER, item.value) if item.tag == Tag.KEY_FORMAT_TYPE else item

    return protocol.read_response(client.exchange(edited(protocol.write_request(made), broken)))


def test_rule_10_an_item_that_cannot_be_read_is_one_item_of_the_answer(client: Client) -> None:
    answer = broken_batch(client, Continuation.CONTINUE)
    assert [i.result_status for i in answer.batch_item] == [SUCCESS, SUCCESS, FAILED, SUCCESS]
    assert [i.unique_batch_item_id for i in answer.batch_item] == [b"\1", b"\2", b"\3", b"\4"]
    assert answer.response_header.batch_count == 4
    assert answer.batch_item[2].operation is Op.GET
    assert answer.batch_item[2].result_reason is ResultReason.INVALID_MESSAGE


def test_rule_11_stop_continue_and_order(client: Client) -> None:
    """2.1, 9.1: with Stop, items that were not processed are not answered."""
    for option in (None, Continuation.STOP):
        answer = broken_batch(client, option)
        assert [i.result_status for i in answer.batch_item] == [SUCCESS, SUCCESS, FAILED]
        assert answer.response_header.batch_count == 3
    uid = asking.create(client)
    steps = [
        (Op.ACTIVATE, p.ActivateRequestPayload(unique_identifier=uid)),
        (Op.REVOKE, asking.revoke_request(uid)),
        (Op.DESTROY, p.DestroyRequestPayload(unique_identifier=uid)),
    ]
    answer = client.batch(*steps, batch_order_option=True)
    assert [i.result_status for i in answer.batch_item] == [SUCCESS] * 3


def test_rule_12_an_item_that_would_be_too_large_says_so(client: Client) -> None:
    uid = asking.register(client, ObjectType.OPAQUE_OBJECT, asking.opaque(bytes(9000)))
    get = p.GetRequestPayload(unique_identifier=uid)
    for items in ([(Op.GET, get)], [(Op.QUERY, QUERY), (Op.GET, get)]):
        answer = client.batch(*items, maximum_response_size=8192)
        assert len(client.last) <= 8192
        last = answer.batch_item[-1]
        assert (last.operation, last.result_reason) == (Op.GET, ResultReason.RESPONSE_TOO_LARGE)
        assert len(answer.batch_item) == len(items)
    assert client.batch((Op.GET, get), maximum_response_size=280_000).batch_item[0].result_status is SUCCESS


@pytest.mark.parametrize("version", [V1_4, V2_0, V2_1, V1_2], ids=str)
def test_rule_13_a_client_correlation_value_is_read(client: Client, version: Version) -> None:
    words = V1_4 if version < V2_0 else version
    made = request((Op.QUERY, QUERY), version=words, client_correlation_value="job 7")
    assert client.send_as(made, version).batch_item[0].result_status is SUCCESS


def test_rule_14_booleans_in_the_wrong_byte_order_are_true(client: Client) -> None:
    """IBM's kmipclient on x86. Without Batch Order the second item would have no placeholder to use."""
    create = asking.create_request(V1_4, asking.aes())
    made = request(
        (Op.CREATE, create), (Op.ACTIVATE, p.ActivateRequestPayload()), version=V1_4, batch_order_option=True
    )
    data = protocol.write_request(made)
    right = struct.pack(">IIQ", Tag.BATCH_ORDER_OPTION << 8 | ItemType.BOOLEAN, 8, 1)
    wrong = right[:8] + bytes.fromhex("0100000000000000")
    assert data.count(right) == 1
    answer = protocol.read_response(client.exchange(data.replace(right, wrong)))
    assert [i.result_status for i in answer.batch_item] == [SUCCESS, SUCCESS]


@pytest.mark.parametrize("operation", [0x7F, 0x80000001, int(Op.PUT), int(Op.PING)], ids=hex)
def test_rule_15_an_unknown_operation_fails_alone(client: Client, operation: int) -> None:
    items = [(Op.GET, p.GetRequestPayload()), (Op.QUERY, QUERY)]
    made = request(*items, version=V1_4, batch_error_continuation_option=Continuation.CONTINUE)

    def strange(item: Item) -> Item:
        get = item.tag == Tag.OPERATION and item.value == Op.GET
        return Item(item.tag, item.kind, operation) if get else item

    data = edited(protocol.write_request(made), strange)
    first, second = protocol.read_response(client.exchange(data)).batch_item
    assert first.result_reason is ResultReason.OPERATION_NOT_SUPPORTED
    assert first.operation is not None
    assert (int(first.operation), first.unique_batch_item_id) == (operation, b"\1")
    assert second.result_status is SUCCESS


def test_rule_15_an_unknown_attribute_fails_alone(client: Client) -> None:
    uid = asking.create(client)
    strange = Attribute(attribute_name="No Such Thing", attribute_value=Item(Tag.ATTRIBUTE_VALUE, ItemType.INTEGER, 1))
    answer = client.batch(
        (Op.ADD_ATTRIBUTE, p.AddAttributeRequestPayload(unique_identifier=uid, attribute=strange)),
        (Op.ADD_ATTRIBUTE, p.AddAttributeRequestPayload(unique_identifier=uid, attribute=attribute("x-Vendor", "v"))),
        batch_error_continuation_option=Continuation.CONTINUE,
    )
    first, second = answer.batch_item
    assert (first.operation, first.unique_batch_item_id) == (Op.ADD_ATTRIBUTE, b"\1")
    assert first.result_reason is ResultReason.INVALID_FIELD
    assert second.result_status is SUCCESS


@pytest.mark.parametrize("index", [None, 0], ids=["omitted", "0"])
def test_rule_16_the_attribute_index_may_be_there_or_not(connect: Connect, index: int | None) -> None:
    client = connect(V1_1)
    listed = [*asking.aes(), (Tag.NAME, asking.name(f"rule 16 {index}"))]
    template = type(asking.create_request(V1_1, listed).template_attribute)
    made = template(attribute=tuple(attribute(key, value, index) for key, value in listed))  # type: ignore[misc,operator]
    payload = p.CreateRequestPayload(object_type=ObjectType.SYMMETRIC_KEY, template_attribute=made)
    uid = client.call(Op.CREATE, payload).unique_identifier
    filtered = p.LocateRequestPayload(attribute=(attribute(*listed[-1], index),))
    assert client.call(Op.LOCATE, filtered).unique_identifier == (uid,)
    assert relabelled(client.last, V1_1) == client.last
