"""Every message of the corpus is read and written again, byte for byte."""

from __future__ import annotations

import re
from collections.abc import Iterable

import pytest

from kmipd.protocol import Limits, decode_item, encode_item, outline, peek_version, read_request, read_response
from kmipd.protocol.schema import Newer, schema
from kmipd.protocol.ttlv import READ_WITH
from kmipd.protocol.writing import write_structure
from kmipd.spec.errors import ProtocolError
from kmipd.spec.kinds import ItemType
from kmipd.spec.messages import RequestMessage, ResponseMessage, Undecodable
from kmipd.spec.names import camel, tag_named
from kmipd.spec.tags import Tag
from tests.protocol.corpus import VERSIONS, Sample, case_samples, hex_samples, needs_corpus

pytestmark = needs_corpus

#: Messages that are not KMIP.  This list may only shrink.
NOT_KMIP = {
    "CS-AC-M-3-12:3": "an Attribute without Attribute Name",
    "CS-AC-M-8-12:3": "an Attribute without Attribute Name",
    "NLnetLabs+kmip-protocol.hex:60": "Unique Identifier where Create Key Pair has Private and Public Key's",
}

#: Messages we read but do not say: their words are not in their version.
NOT_IN_THEIR_VERSION = {
    "SUITEB_128-M-1-20:2": "Query of 2.0 answers Object Type Template, which 2.0 took away",
    "SUITEB_192-M-1-20:2": "Query of 2.0 answers Object Type Template, which 2.0 took away",
}


KINDS = {"", *(camel(kind.name) for kind in ItemType)}


def read(data: bytes) -> RequestMessage | ResponseMessage:
    if data[2] != Tag.REQUEST_MESSAGE & 0xFF:
        return read_response(data)
    message = read_request(data)
    for item in message.batch_item:
        if isinstance(item.request_payload, Undecodable):
            raise item.request_payload.error
    return message


def write(message: RequestMessage | ResponseMessage, major: int) -> bytes:
    """With the words it was read with, and nothing left out."""
    tag = Tag.REQUEST_MESSAGE if isinstance(message, RequestMessage) else Tag.RESPONSE_MESSAGE
    out = bytearray()
    plan = schema(READ_WITH[major], Newer.REFUSE).plan(type(message))
    write_structure(tag << 8 | ItemType.STRUCTURE, plan, message, out)
    return bytes(out)


def check(samples: Iterable[Sample]) -> int:
    count = 0
    for sample in samples:
        count += 1
        assert encode_item(decode_item(sample.data)) == sample.data, sample.name
        if sample.name in NOT_KMIP:
            with pytest.raises(ProtocolError):
                read(sample.data)
        elif sample.name not in NOT_IN_THEIR_VERSION:
            message = read(sample.data)
            assert write(message, peek_version(sample.data).major) == sample.data, sample.name
            assert read(sample.data) == message
    return count


def test_every_hex_message_survives_a_round_trip(capsys: pytest.CaptureFixture[str]) -> None:
    count = check(hex_samples())
    with capsys.disabled():
        print(f" [{count} messages]", end="")
    assert count


@pytest.mark.parametrize("version", VERSIONS)
def test_every_test_case_survives_a_round_trip(version: str, capsys: pytest.CaptureFixture[str]) -> None:
    count = check(case_samples(version))
    with capsys.disabled():
        print(f" [{version}: {count} messages]", end="")
    assert count


def test_the_named_exceptions_exist() -> None:
    names = {sample.name for sample in hex_samples()}
    for version in VERSIONS:
        names |= {sample.name for sample in case_samples(version)}
    assert set(NOT_KMIP) | set(NOT_IN_THEIR_VERSION) <= names


def test_strict_form_accepts_the_whole_corpus_of_hex() -> None:
    for sample in hex_samples():
        if sample.name not in NOT_KMIP:
            reader = read_request if sample.is_request else read_response
            reader(sample.data, Limits(), lenient=False)


def test_an_outline_shows_no_value() -> None:
    for sample in hex_samples():
        text = outline(sample.data)
        assert text.startswith(("RequestMessage(", "ResponseMessage("))
        for word in re.split(r"[ ()]+", text.rstrip("…")):
            name, _, kind = word.partition(":")
            assert not name or tag_named(name) or re.fullmatch("[0-9A-F]{6}", name) or text.endswith("…")
            assert kind in KINDS or text.endswith("…")
