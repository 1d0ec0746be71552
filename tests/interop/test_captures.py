"""Conversations recorded with real clients: every request is answered here, and answered right.

What PyKMIP's server could do must succeed here with the same content; what it could not is in `BETTER` and `OTHERWISE`,
each with the reason. The recordings are beside the project; without them these tests are skipped.
"""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import load_der_private_key, load_der_public_key

from kmipd.protocol import decode_item, peek_version
from kmipd.spec import payloads as p
from kmipd.spec.enumerations import KeyFormatType, ObjectType, Operation, ResultReason, ResultStatus
from kmipd.spec.kinds import Item, ItemType
from kmipd.spec.messages import ResponseBatchItem
from kmipd.spec.tags import Tag
from tests.interop.replay import IDENTIFIERS, MADE, Answer, Translation, load, needs_captures, play, recordings
from tests.support.editing import child, walk
from tests.support.server import Server
from tests.support.vocabulary import newer_words

pytestmark = needs_captures
SUCCESS = ResultStatus.SUCCESS

#: (recording, request): what PyKMIP refused and we do, why, and how many items the answer has.
BETTER: dict[tuple[str, int], tuple[int, str]] = {
    ("gemalto-kmip-go-calls", 16): (1, "an AES key of 128 bytes that says 256 (rule 22) is stored as it is"),
    ("openstack-barbican-23.0.0", 4): (1, "Create Key Pair without usage masks (rule 23)"),
    ("opencryptoki-p11kmip-3.27", 3): (1, "Discover Versions under a KMIP 1.0 header (rule 5)"),
    ("opencryptoki-p11kmip-3.27", 6): (1, "the same at its second start"),
    ("opencryptoki-p11kmip-3.27", 8): (2, "a batch without ids (rule 9), a Boolean in the wrong byte order (rule 14)"),
    ("rook-mainline", 2): (1, "rule 22 again"),
    ("ovh-kmip-go-0.8.1-1.0", 10): (1, "Add Attribute of a custom attribute (rule 27)"),
    ("ovh-kmip-go-0.8.1-1.0", 11): (1, "Modify Attribute of a custom attribute"),
    ("ovh-kmip-go-0.8.1-1.0", 12): (1, "Delete Attribute of a custom attribute"),
    ("ovh-kmip-go-0.8.1-1.0", 15): (1, "Re-key"),
    ("ovh-kmip-go-0.8.1-1.0", 16): (5, "empty identifiers mean the ID Placeholder (rule 10)"),
    ("ovh-kmip-go-0.8.1-1.0", 22): (1, "an EC private key is registered (rule 32)"),
    ("ovh-kmip-go-0.8.1-1.0", 26): (1, "a public key as SubjectPublicKeyInfo (rule 32)"),
    ("ovh-kmip-go-0.8.1-1.2", 10): (1, "Add Attribute of a custom attribute (rule 27)"),
    ("ovh-kmip-go-0.8.1-1.2", 11): (1, "Modify Attribute of a custom attribute"),
    ("ovh-kmip-go-0.8.1-1.2", 12): (1, "Delete Attribute of a custom attribute"),
    ("ovh-kmip-go-0.8.1-1.2", 16): (1, "Re-key"),
    ("ovh-kmip-go-0.8.1-1.2", 17): (5, "empty identifiers mean the ID Placeholder (rule 10)"),
    ("ovh-kmip-go-0.8.1-1.2", 23): (1, "an EC private key is registered (rule 32)"),
    ("ovh-kmip-go-0.8.1-1.2", 27): (1, "a public key as SubjectPublicKeyInfo (rule 32)"),
}

_PRE_ACTIVE = (
    ResultReason.PERMISSION_DENIED,
    "Revoke of a Pre-Active object for another reason than compromise: 1.4 §11.21 names no reason for the wrong state, "
    "the tables of Activate and Destroy beside it say Permission Denied",
)
#: (recording, request): the Result Reason that is right where PyKMIP gave another one, and why.
OTHERWISE: dict[tuple[str, int], tuple[ResultReason, str]] = {
    ("ovh-kmip-go-0.8.1-1.0", 30): _PRE_ACTIVE,
    ("ovh-kmip-go-0.8.1-1.0", 32): _PRE_ACTIVE,
    ("ovh-kmip-go-0.8.1-1.2", 32): _PRE_ACTIVE,
    ("ovh-kmip-go-0.8.1-1.2", 34): _PRE_ACTIVE,
    ("ovh-kmip-go-0.8.1-1.2", 13): (
        ResultReason.FEATURE_NOT_SUPPORTED,
        "Encrypt with GCM at 1.2: no field of an answer before 1.4 can carry the tag, without it nothing can be opened",
    ),
}

UID = "Unique Identifier"
SPKI = {("ovh-kmip-go-0.8.1-1.0", 26), ("ovh-kmip-go-0.8.1-1.2", 27)}


@pytest.mark.parametrize("name", recordings())
def test_every_recorded_request_is_answered_right(
    name: str, server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    recording = load(name)
    count = play(recording, server, server.enrol(), lambda answer: check(name, answer))
    with capsys.disabled():
        print(f" [{name}: {count} messages]", end="")


def test_the_named_exceptions_exist() -> None:
    for name, number in [*BETTER, *OTHERWISE]:
        recorded = load(name).exchanges[number - 1].answer
        reasons = [i for i in walk(decode_item(recorded)) if i.tag == Tag.RESULT_REASON]
        assert reasons, f"{name}, request {number} succeeded on PyKMIP too: it needs no exception"


def check(name: str, answer: Answer) -> None:
    where = f"{name}, request {answer.exchange.number}"
    version = peek_version(answer.sent)
    message = answer.message
    assert message.response_header.protocol_version.version == version, where
    assert list(newer_words(decode_item(answer.data), version)) == [], where
    items = message.batch_item
    better = BETTER.get((name, answer.exchange.number))
    if better is not None:
        assert [i.result_status for i in items] == [SUCCESS] * better[0], f"{where}: {items[-1].result_message}"
        assert [i.operation for i in items] == answer.exchange.operations, where
        if (name, answer.exchange.number) in SPKI:
            assert_public_key_info(items[0])
        return
    assert len(items) == len(answer.recorded.batch_item), where
    for recorded, ours in zip(answer.recorded.batch_item, items, strict=True):
        assert ours.operation == recorded.operation, where
        assert ours.unique_batch_item_id == recorded.unique_batch_item_id, where
        assert ours.result_status == recorded.result_status, f"{where}: {ours.result_message}"
        other = OTHERWISE.get((name, answer.exchange.number))
        expected = recorded.result_reason if other is None else other[0]
        assert ours.result_reason == expected, f"{where}: {ours.result_message}"
        if ours.result_status is SUCCESS:
            compare(where, ours.operation, answer)


def assert_public_key_info(item: ResponseBatchItem) -> None:
    payload: Any = item.response_payload
    assert payload.object_type is ObjectType.PUBLIC_KEY
    assert payload.managed_object.key_block.key_format_type is KeyFormatType.X_509


# What two successful answers must have in common ---------------------------------------------------------------


def compare(where: str, operation: Any, answer: Answer) -> None:
    recorded, ours = _payload(answer.exchange.answer), _payload(answer.data)
    words = answer.translation
    match operation:
        case Operation.QUERY:
            assert _set(recorded, Tag.OPERATION) <= _set(ours, Tag.OPERATION), where
            assert _set(recorded, Tag.OBJECT_TYPE) <= _set(ours, Tag.OBJECT_TYPE), where
        case Operation.DISCOVER_VERSIONS:
            _compare_versions(where, answer)
        case Operation.GET_ATTRIBUTES:
            _compare_attributes(where, recorded, ours, words)
        case Operation.GET_ATTRIBUTE_LIST:
            missing = _set(recorded, Tag.ATTRIBUTE_NAME) - _set(ours, Tag.ATTRIBUTE_NAME)
            assert missing == set(), where
        case Operation.LOCATE:
            # Both give the newest first; within a second PyKMIP has no order.
            assert sorted(_identifiers(recorded, words)) == sorted(_plain(ours, Tag.UNIQUE_IDENTIFIER)), where
        case Operation.GET if (registered := _registered(answer, ours)) is not None:
            assert isinstance(ours.value, tuple)
            assert ours.value[-1] == registered, f"{where}: not what the client registered"
        case _:
            _compare_items(where, recorded, ours, words)


def _registered(answer: Answer, ours: Item) -> Item | None:
    """The object as the client brought it, when it asks for no other form of it: stricter than PyKMIP's answer."""
    asked = {i.tag for i in walk(decode_item(answer.sent))}
    if asked & {Tag.KEY_FORMAT_TYPE, Tag.KEY_WRAPPING_SPECIFICATION}:
        return None
    return answer.translation.registered.get(str(_plain(ours, Tag.UNIQUE_IDENTIFIER)[0]))


def _payload(message: bytes) -> Item:
    return next(i for i in walk(decode_item(message)) if i.tag == Tag.RESPONSE_PAYLOAD)


def _plain(item: Item, tag: Tag) -> list[Any]:
    return [i.value for i in walk(item) if i.tag == tag]


def _set(item: Item, tag: Tag) -> set[Any]:
    return set(_plain(item, tag))


def _identifiers(item: Item, words: Translation) -> list[Any]:
    return [words.identifiers.get(uid, uid) for uid in _plain(item, Tag.UNIQUE_IDENTIFIER)]


def _compare_versions(where: str, answer: Answer) -> None:
    """Rule 4: what both know, best first."""
    payload = answer.message.batch_item[0].response_payload
    recorded = answer.recorded.batch_item[0].response_payload
    assert isinstance(payload, p.DiscoverVersionsResponsePayload)
    assert isinstance(recorded, p.DiscoverVersionsResponsePayload)
    versions = [v.version for v in payload.protocol_version]
    assert versions == sorted(versions, reverse=True), where
    assert {v.version for v in recorded.protocol_version} <= set(versions), where


def _compare_attributes(where: str, recorded: Item, ours: Item, words: Translation) -> None:
    """Everything PyKMIP said, in the same words; the rest is more than it knew."""
    have = [_attribute(item) for item in walk(ours) if item.tag == Tag.ATTRIBUTE]
    for item in (i for i in walk(recorded) if i.tag == Tag.ATTRIBUTE):
        name, index, value = _attribute(item)
        for other_name, other_index, other in have:
            same = words.identifiers.get(str(value.value)) == other.value if name == UID else _same(value, other, words)
            if (other_name, other_index or 0) == (name, index or 0) and same:
                break
        else:
            raise AssertionError(f"{where}: {name} is not {value.value!r}: {have}")


def _attribute(item: Item) -> tuple[Any, Any, Item]:
    name, index, value = (child(item, t) for t in (Tag.ATTRIBUTE_NAME, Tag.ATTRIBUTE_INDEX, Tag.ATTRIBUTE_VALUE))
    assert name is not None
    assert value is not None
    return name.value, None if index is None else index.value, value


def _compare_items(where: str, recorded: Item, ours: Item, words: Translation) -> None:
    assert _same(recorded, ours, words), f"{where}: {recorded!r} is not {ours!r}"


def _same(recorded: Item, ours: Item, words: Translation) -> bool:
    if (recorded.tag, recorded.kind) != (ours.tag, ours.kind):
        return False
    if recorded.tag == Tag.KEY_BLOCK and not _set(recorded, Tag.KEY_MATERIAL) & words.given:
        return _same_made_key(recorded, ours, words)
    if isinstance(recorded.value, tuple) and isinstance(ours.value, tuple):
        pairs = zip(recorded.value, ours.value, strict=False)
        return len(recorded.value) == len(ours.value) and all(_same(a, b, words) for a, b in pairs)
    if recorded.tag in IDENTIFIERS:
        return words.identifiers.get(str(recorded.value)) == ours.value
    if recorded.kind is ItemType.DATE_TIME:
        return abs(int(recorded.value) + words.shift - int(ours.value)) <= DATE_TOLERANCE  # type: ignore[arg-type]
    if recorded.tag in MADE or recorded.tag == Tag.KEY_MATERIAL:
        return _same_bytes(recorded.value, ours.value, words)
    return recorded.value == ours.value


DATE_TOLERANCE = 30  # seconds: the recording was slower or faster


def _same_bytes(recorded: Any, ours: Any, words: Translation) -> bool:
    """What the client brought comes back; what the server made is as long, and the same every time."""
    if recorded in words.given and recorded not in words.made:
        return bool(recorded == ours)
    return words.made.get(recorded) == ours and len(recorded) == len(ours)


def _same_made_key(recorded: Item, ours: Item, words: Translation) -> bool:
    """A key the server made: as good a key, the same every time. The format of a pair is the server's to choose."""
    facts = [
        tuple(_plain(i, t) for t in (Tag.CRYPTOGRAPHIC_ALGORITHM, Tag.CRYPTOGRAPHIC_LENGTH)) for i in (recorded, ours)
    ]
    (old,), (new,) = (_plain(item, Tag.KEY_MATERIAL) for item in (recorded, ours))
    wrapping = child(recorded, Tag.KEY_WRAPPING_DATA), child(ours, Tag.KEY_WRAPPING_DATA)
    if wrapping[0] is not None and wrapping[1] is not None and not _same(wrapping[0], wrapping[1], words):
        return False
    wrapped_alike = (wrapping[0] is None) == (wrapping[1] is None)
    return facts[0] == facts[1] and wrapped_alike and words.made.get(old) == new and _kind(old) == _kind(new)


def _kind(material: bytes) -> tuple[str, int]:
    """What a key is, whatever its format."""
    for load_der in (lambda der: load_der_private_key(der, None), load_der_public_key):
        with contextlib.suppress(ValueError):
            key: Any = load_der(material)
            return type(key).__name__, key.key_size
    return "bytes", len(material)
