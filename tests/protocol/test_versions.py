"""An answer never says what its version does not know."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from kmipd.protocol import NotInVersion, ProtocolError, decode_item, read_response, write_request, write_response
from kmipd.spec import enumerations as e
from kmipd.spec.attributes import ATTRIBUTES, Attribute, AttributeItem, Attributes, Digest
from kmipd.spec.kinds import Item, ItemType
from kmipd.spec.messages import (
    ProtocolVersion,
    RequestBatchItem,
    RequestHeader,
    RequestMessage,
    ResponseBatchItem,
    ResponseHeader,
    ResponseMessage,
)
from kmipd.spec.payloads import (
    GetAttributeListResponsePayload,
    GetAttributesResponsePayload,
    LocateRequestPayload,
    QueryResponsePayload,
    ResponsePayload,
)
from kmipd.spec.tags import Tag
from kmipd.spec.versions import V1_0, V1_1, V1_3, V1_4, V2_0, V2_1, VERSIONS, Version
from tests.protocol.corpus import VERSIONS as CORPUS_VERSIONS
from tests.protocol.corpus import Sample, case_samples, hex_samples, needs_corpus
from tests.support.vocabulary import newer_words


def response(payload: ResponsePayload, operation: e.Operation, **item: object) -> ResponseMessage:
    return ResponseMessage(
        response_header=ResponseHeader(
            protocol_version=ProtocolVersion.of(V1_0),
            time_stamp=0,
            batch_count=1,
            client_correlation_value="said in 1.4",
        ),
        batch_item=(
            ResponseBatchItem(
                operation=operation,
                result_status=e.ResultStatus.SUCCESS,
                response_payload=payload,
                **item,  # type: ignore[arg-type]
            ),
        ),
    )


def corpus_responses() -> Iterator[Sample]:
    yield from (sample for sample in hex_samples() if not sample.is_request)
    for version in CORPUS_VERSIONS:
        yield from (sample for sample in case_samples(version) if not sample.is_request)


@needs_corpus
def test_no_response_of_the_corpus_says_too_much_in_any_version(capsys: pytest.CaptureFixture[str]) -> None:
    written = refused = unset = 0
    for sample in corpus_responses():
        try:
            message = read_response(sample.data)
        except ProtocolError:
            continue  # test_corpus has the list
        for version in VERSIONS:
            try:
                data = write_response(message, version)
            except NotInVersion:
                refused += 1
                continue
            except ProtocolError:
                unset += 1  # 2.x has no Attribute, 1.x no Attributes: the core fills the one the version needs
                continue
            written += 1
            assert not list(newer_words(decode_item(data), version)), (sample.name, version)
    with capsys.disabled():
        print(f" [{written} written, {refused} refused, {unset} unset]", end="")
    assert written > refused


@needs_corpus
def test_what_the_corpus_answers_in_its_version_is_written_in_it() -> None:
    differing = set()
    for sample in corpus_responses():
        try:
            message = read_response(sample.data)
        except ProtocolError:
            continue
        if write_response(message, message.response_header.protocol_version.version) != sample.data:
            differing.add(sample.name)
    assert differing == SAYS_TOO_MUCH


#: Test cases that answer with words of another version; may only shrink.
SAYS_TOO_MUCH = {
    "SUITEB_128-M-1-20:2",  # Object Type Template, which 2.0 took away
    "SUITEB_192-M-1-20:2",  # the same
}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("rule", ATTRIBUTES.values(), ids=lambda rule: rule.name)
def test_an_attribute_is_only_named_where_it_exists(rule: object, version: Version) -> None:
    name = rule.name  # type: ignore[attr-defined]
    message = response(
        GetAttributeListResponsePayload(
            unique_identifier="1",
            attribute_name=(name,),
            attribute_reference=(rule.tag,),  # type: ignore[attr-defined]
        ),
        e.Operation.GET_ATTRIBUTE_LIST,
    )
    item = decode_item(write_response(message, version))
    text = str(list(_values(item)))
    here = rule.in_version(version)  # type: ignore[attr-defined]
    assert (name in text) == (here and version < V2_0)
    assert (int(rule.tag) in list(_values(item))) == (here and version >= V2_0)  # type: ignore[attr-defined]


def _values(item: Item) -> Iterator[object]:
    if isinstance(item.value, tuple):
        for child in item.value:
            yield from _values(child)
    else:
        yield item.value


def test_newer_attributes_are_left_out_of_an_answer() -> None:
    message = response(
        GetAttributesResponsePayload(
            unique_identifier="1",
            attribute=(
                Attribute(attribute_name="Fresh", attribute_value=True),
                Attribute(attribute_name="Object Type", attribute_value=e.ObjectType.PGP_KEY),
                Attribute(attribute_name="x-note", attribute_value=Item(Tag.ATTRIBUTE_VALUE, ItemType.INTEGER, 1)),
                Attribute(
                    attribute_name="Digest",
                    attribute_value=Digest(
                        hashing_algorithm=e.HashingAlgorithm.SHA_256,
                        digest_value=b"1",
                        key_format_type=e.KeyFormatType.RAW,
                    ),
                ),
            ),
            attributes=Attributes(),
        ),
        e.Operation.GET_ATTRIBUTES,
    )
    said = read_response(write_response(message, V1_0))
    payload = said.batch_item[0].response_payload
    assert isinstance(payload, GetAttributesResponsePayload)
    assert [attribute.attribute_name for attribute in payload.attribute] == ["x-note", "Digest"]
    digest = payload.attribute[1].attribute_value
    assert isinstance(digest, Digest)
    assert digest.key_format_type is None  # came with 1.1
    assert said.response_header.client_correlation_value is None


def test_the_younger_form_of_attributes_knows_its_versions_too() -> None:
    items = (
        AttributeItem(tag=Tag.SENSITIVE, value=True),
        AttributeItem(tag=Tag.ROTATE_GENERATION, value=1),
        AttributeItem(tag=Tag.OPERATION_POLICY_NAME, value="default"),
        AttributeItem(tag=0x540001, value=Item(0x540001, ItemType.TEXT_STRING, "vendor")),
    )
    message = response(
        GetAttributesResponsePayload(unique_identifier="1", attributes=Attributes(values=items)),
        e.Operation.GET_ATTRIBUTES,
    )
    for version, expected in ((V2_0, [0, 3]), (V2_1, [0, 1, 3])):
        data = write_response(message, version)
        found = [item.tag for item in _find(decode_item(data), Tag.ATTRIBUTES)]
        assert found == [items[index].tag for index in expected]


def _find(item: Item, tag: Tag) -> tuple[Item, ...]:
    if item.tag == tag and isinstance(item.value, tuple):
        return item.value
    if isinstance(item.value, tuple):
        for child in item.value:
            if found := _find(child, tag):
                return found
    return ()


def test_list_elements_are_left_out_and_mandatory_words_refused() -> None:
    query = QueryResponsePayload(operation=(e.Operation.GET, e.Operation.ENCRYPT))
    said = read_response(write_response(response(query, e.Operation.QUERY), V1_1)).batch_item[0].response_payload
    assert isinstance(said, QueryResponsePayload)
    assert said.operation == (e.Operation.GET,)
    wrong = response(query, e.Operation.QUERY, result_reason=e.ResultReason.OBJECT_NOT_FOUND)
    with pytest.raises(NotInVersion, match="OBJECT_NOT_FOUND") as caught:
        write_response(wrong, V1_4)
    assert caught.value.path == ("ResponseMessage", "batch_item[0]", "result_reason")
    write_response(wrong, V2_0)


def test_the_operation_is_echoed_whatever_the_version() -> None:
    message = response(QueryResponsePayload(), e.Operation.ENCRYPT)
    item = ResponseBatchItem(operation=e.Operation.ENCRYPT, result_status=e.ResultStatus.OPERATION_FAILED)
    message = ResponseMessage(response_header=message.response_header, batch_item=(item,))
    assert read_response(write_response(message, V1_0)).batch_item[0].operation is e.Operation.ENCRYPT


def test_a_request_with_newer_words_is_refused() -> None:
    def request(version: Version) -> RequestMessage:
        return RequestMessage(
            request_header=RequestHeader(protocol_version=ProtocolVersion.of(version), batch_count=1),
            batch_item=(
                RequestBatchItem(operation=e.Operation.LOCATE, request_payload=LocateRequestPayload(offset_items=16)),
            ),
        )

    write_request(request(V1_3))
    with pytest.raises(NotInVersion) as caught:
        write_request(request(V1_0))
    assert caught.value.path == ("RequestMessage", "batch_item[0]", "request_payload", "offset_items")
