"""JSON and XML: every message of the corpus there and back, and the forms of the additional message encodings."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from json import JSONDecoder

import pytest

from kmipd.protocol import Limits, decode_item, encode_item
from kmipd.protocol.json_encoding import decode_json, encode_json
from kmipd.protocol.vocabulary import Words, uses
from kmipd.protocol.xml_encoding import decode_xml, encode_xml
from kmipd.spec.errors import ProtocolError
from kmipd.spec.kinds import Item, ItemType
from kmipd.spec.tags import Tag
from tests.protocol.corpus import CORPUS, VERSIONS, Sample, case_samples, hex_samples, messages, needs_corpus, to_item

Decode = Callable[[bytes], Item]
Encode = Callable[[Item], bytes]
ENCODINGS: dict[str, tuple[Decode, Encode]] = {"json": (decode_json, encode_json), "xml": (decode_xml, encode_xml)}
both = pytest.mark.parametrize("encoding", ENCODINGS)


def check_round_trip(samples: Iterable[Sample], encoding: str) -> None:
    decode, encode = ENCODINGS[encoding]
    count = 0
    for sample in samples:
        count += 1
        assert encode_item(decode(encode(decode_item(sample.data)))) == sample.data, sample.name
    assert count


@needs_corpus
@both
@pytest.mark.parametrize("version", VERSIONS)
def test_every_case_survives_a_round_trip(version: str, encoding: str) -> None:
    check_round_trip(case_samples(version), encoding)


@needs_corpus
@both
def test_every_hex_message_survives_a_round_trip(encoding: str) -> None:
    check_round_trip(hex_samples(), encoding)


@needs_corpus
@pytest.mark.parametrize("version", VERSIONS)
def test_the_cases_are_read_as_they_are(version: str) -> None:
    """Their own XML, with values for the variables, by our reader and by the one of the tests."""
    for path in sorted((CORPUS / "cases" / version).rglob("*.xml")):
        for element in messages(path):
            element.tail = None
            for one in element.iter():
                one.attrib.update(bound(one))
            assert decode_xml(ElementTree.tostring(element)) == to_item(element), path.stem


def bound(element: ElementTree.Element) -> dict[str, str]:
    """The attributes to change, of an element whose value is a variable or has blanks of the word processor."""
    text = element.attrib.get("value", "")
    if element.tag == "AttributeName":
        return {"value": " ".join(text.split())}
    if not text.startswith("$") or element.attrib["type"] == "TextString":
        return {}
    return {"value": "2014-06-10T08:07:28+00:00" if element.attrib["type"] == "DateTime" else "2a" * 16}


def wire(name: str) -> Iterator[tuple[str, bytes, str]]:
    """What OASIS prints of each message of a message-encoding case: XML, TTLV and, where there is any, JSON."""
    text = (CORPUS / "wire" / name).read_text()
    parts = re.split(r"(?=^<(?:Request|Response)Message>)", text, flags=re.MULTILINE)[1:]
    for part in parts:
        xml, _, rest = part.partition("Message>\n4200")
        blocks = re.findall(r"^(?:[0-9a-f]+(?:\n|\Z))+", "4200" + rest, flags=re.MULTILINE)
        rest = re.sub(r"^\]$", "]}", rest, flags=re.MULTILINE)  # MSGENC-JSON-M-1-10 forgets a brace (errata)
        begin = rest.find('{"tag":"Re')
        end = JSONDecoder().raw_decode(rest, begin)[1] if begin >= 0 else 0
        yield xml + "Message>", bytes.fromhex(blocks[0].replace("\n", "")), rest[begin:end] if end else ""


WIRE = [f"MSGENC-{kind}-M-1-1{minor}.txt" for kind in ("JSON", "XML", "HTTPS") for minor in (0, 1, 2)]


@needs_corpus
@pytest.mark.parametrize("name", WIRE)
def test_oasis_own_prints_are_read_and_written(name: str) -> None:
    """The JSON letter by letter; the XML but for its blanks."""
    count = 0
    for xml, ttlv, json in wire(name):
        count += 1
        item = decode_item(ttlv)
        # The XML of the 1.1 cases has another Time Stamp than the TTLV and the JSON (errata).
        xml = xml.replace("2014-06-10T08:03:34", "2014-06-10T08:04:52")
        assert decode_xml(xml.encode()) == item
        assert re.sub(r"\s+", "", encode_xml(item).decode()) == re.sub(r"\s+", "", xml)
        if json:
            assert decode_json(json.encode()) == item
            assert encode_json(item).decode() == json
    assert count == 4


# The forms (additional message encodings 1.0, §4.1.6 and §6.1.6) ---------------------------------------------------

T, K = Tag, ItemType
ONE = 1_000_000_800  # 2001-09-09T02:00:00Z
FORMS = [
    # tag, type, JSON value, XML value, what it is
    (T.BATCH_COUNT, K.INTEGER, "10", "10", 10),
    (T.BATCH_COUNT, K.INTEGER, '"0x0000000A"', "0x0000000a", 10),
    (T.BATCH_COUNT, K.INTEGER, '"0xffffffff"', "-1", -1),
    (T.CRYPTOGRAPHIC_USAGE_MASK, K.INTEGER, '"0x0000100c"', "0x0000100c", 0x100C),
    (
        T.CRYPTOGRAPHIC_USAGE_MASK,
        K.INTEGER,
        '"Encrypt|Decrypt|CertificateSign"',
        "Encrypt Decrypt CertificateSign",
        0x100C,
    ),
    (
        T.CRYPTOGRAPHIC_USAGE_MASK,
        K.INTEGER,
        '"CertificateSign|0x00000004|0x0000008"',
        "CertificateSign 0x4 0x8",
        0x100C,
    ),
    (T.CRYPTOGRAPHIC_USAGE_MASK, K.INTEGER, '"Sign|0x80000000"', "Sign 0x80000000", -0x7FFFFFFF),
    (T.STORAGE_STATUS_MASK, K.INTEGER, "3", "OnLineStorage  ArchivalStorage", 3),
    (0x540001, K.LONG_INTEGER, '"0xfffffffffffffffe"', "-2", -2),
    (T.USAGE_LIMITS_COUNT, K.LONG_INTEGER, '"0x1000000000000000"', "1152921504606846976", 1 << 60),
    (T.X, K.BIG_INTEGER, "0", "0000000000000000", 0),
    (T.X, K.BIG_INTEGER, '"0xff00000000000000"', "ff00000000000000", -(1 << 56)),
    (0x420057, K.ENUMERATION, "2", "0x00000002", 2),
    (T.OBJECT_TYPE, K.ENUMERATION, '"SymmetricKey"', "SymmetricKey", 2),
    (T.OBJECT_TYPE, K.ENUMERATION, '"0x80000001"', "0x80000001", 0x80000001),
    (T.ATTRIBUTE_REFERENCE, K.ENUMERATION, '"ActivationDate"', "ActivationDate", 0x420001),
    (T.BATCH_ORDER_OPTION, K.BOOLEAN, "true", "true", True),
    (T.BATCH_ORDER_OPTION, K.BOOLEAN, '"0x0000000000000001"', "1", True),
    (T.BATCH_ORDER_OPTION, K.BOOLEAN, "false", "false", False),
    (T.ATTRIBUTE_NAME, K.TEXT_STRING, '"C\\u00f4t\\u00e9 \\ud83d\\udd11"', " Côté 🔑 ".strip(), "Côté 🔑"),
    (T.ATTRIBUTE_NAME, K.TEXT_STRING, '"a\\n\\"<&> b"', "a&#10;&quot;&lt;&amp;&gt; b", 'a\n"<&> b'),
    (T.MAC_SIGNATURE, K.BYTE_STRING, '"C50F77"', "c50f77", b"\xc5\x0f\x77"),
    (T.MAC_SIGNATURE, K.BYTE_STRING, '""', "", b""),
    (T.ARCHIVE_DATE, K.DATE_TIME, '"2001-09-09T12:00:00+10:00"', "2001-09-09T02:00:00Z", ONE),
    (T.ARCHIVE_DATE, K.DATE_TIME, '"0x000000003b9acd20"', "2001-09-09T02:00:00.999", ONE),
    (T.ARCHIVE_DATE, K.DATE_TIME, '"1969-12-31T23:59:59-00:00"', "1969-12-31T23:59:59", -1),
    (
        0x540002,
        K.DATE_TIME_EXTENDED,
        '"2001-09-09T02:00:00.000001Z"',
        "2001-09-09T02:00:00.000001",
        ONE * 1_000_000 + 1,
    ),
    (T.OFFSET, K.INTERVAL, "27", "27", 27),
    (T.OFFSET, K.INTERVAL, '"0xffffffff"', "4294967295", 0xFFFFFFFF),
]


@pytest.mark.parametrize(("tag", "kind", "json", "xml", "value"), FORMS)
def test_a_form_of_the_standard(tag: int, kind: ItemType, json: str, xml: str, value: int | str | bytes) -> None:
    item = Item(tag, kind, value)
    name = kind.name.title().replace("_", "")
    assert decode_json(f'{{"tag":"0x{tag:06X}", "name":"x", "type":"{name}", "value":{json}}}'.encode()) == item
    assert decode_xml(f'<TTLV tag="0x{tag:06x}" name="x" type="{name}" value="{xml}"/>'.encode()) == item
    for decode, encode in ENCODINGS.values():
        assert decode(encode(item)) == item


def test_a_structure_needs_no_type_and_no_value() -> None:
    empty = Item(T.PRIVATE_KEY_TEMPLATE_ATTRIBUTE, K.STRUCTURE, ())
    for text in ('"type":"Structure", "value":[]', '"type":"Structure", "value":null', '"name":"x"'):
        assert decode_json(f'{{"tag":"PrivateKeyTemplateAttribute", {text}}}'.encode()) == empty
    name = "k:PrivateKeyTemplateAttribute"
    spaced = f'<{name} xmlns:k="urn:oasis:tc:kmip:xmlns"> \n<!-- empty --></{name}>'
    for text in ('<PrivateKeyTemplateAttribute type="Structure"/>', '<?xml version="1.0" encoding="UTF-8"?>' + spaced):
        assert decode_xml(text.encode()) == empty
    assert (
        decode_xml(
            '<?xml version="1.0" encoding="utf-16"?><MACSignature type="TextString" value="ü"/>'.encode("utf-16")
        ).value
        == "ü"
    )


def test_an_attribute_value_has_the_words_of_its_attribute() -> None:
    name = Item(T.ATTRIBUTE_NAME, K.TEXT_STRING, "Cryptographic Algorithm")
    attribute = Item(T.ATTRIBUTE, K.STRUCTURE, (name, Item(T.ATTRIBUTE_VALUE, K.ENUMERATION, 3)))
    assert b'"type":"Enumeration", "value":"AES"' in encode_json(attribute)
    assert b'type="Enumeration" value="AES"' in encode_xml(attribute)
    custom = Item(T.ATTRIBUTE, K.STRUCTURE, (Item(T.ATTRIBUTE_NAME, K.TEXT_STRING, "x-A"), attribute.value[1]))  # type: ignore[index]
    assert b'"value":"0x00000003"' in encode_json(custom)
    for item in (attribute, custom):
        assert decode_json(encode_json(item)) == decode_xml(encode_xml(item)) == item


def test_every_tag_has_one_set_of_words() -> None:
    """Else JSON and XML would have to know the structure a word stands in."""
    found: dict[Tag, set[Words]] = defaultdict(set)
    for tag, words in uses():
        found[tag].add(words)
    assert {tag for tag, words in found.items() if len(words) > 1} <= {Tag.ATTRIBUTE_VALUE}
    assert len(found) > 70


@both
@pytest.mark.parametrize("kind", [kind for kind in ItemType if kind is not ItemType.STRUCTURE])
def test_the_ends_of_every_type_survive(encoding: str, kind: ItemType) -> None:
    decode, encode = ENCODINGS[encoding]
    bits = {K.LONG_INTEGER: 64, K.DATE_TIME: 64, K.DATE_TIME_EXTENDED: 64}.get(kind, 32)
    values: tuple[int | str | bytes, ...] = (-(1 << bits - 1), (1 << bits - 1) - 1, 0, -1)
    if kind in (K.ENUMERATION, K.INTERVAL):
        values = (0, 0xFFFFFFFF)
    elif kind is K.BIG_INTEGER:
        values = (0, -1, 1 << 63, -(1 << 63), 1 << 4096)
    elif kind is K.BOOLEAN:
        values = (True, False)
    elif kind is K.TEXT_STRING:
        values = ("", " a\t\r\n ", "\ufffd\U0010ffff")
    elif kind is K.BYTE_STRING:
        values = (b"", bytes(range(256)))
    for value in values:
        for tag in (T.CRYPTOGRAPHIC_USAGE_MASK, T.OBJECT_TYPE, 0x54FFFF, 0):
            assert decode(encode(Item(tag, kind, value))) == Item(tag, kind, value)


# What is none ------------------------------------------------------------------------------------------------------

BAD_JSON = {
    "": "not JSON",
    "[]": "an object",
    "{": "not JSON",
    '{"tag":1}': "an object",
    '{"tag":"Nothing"}': "not a tag",
    '{"tag":"BatchItem", "type":"Word"}': "not an item type",
    '{"tag":"BatchItem", "type":1}': "not an item type",
    '{"tag":"BatchItem", "value":{}}': "array",
    '{"tag":"BatchItem", "tag":"BatchItem"}': "twice",
    '{"tag":"BatchCount", "type":"Integer", "value":1.0}': "whole numbers",
    '{"tag":"BatchCount", "type":"Integer", "value":NaN}': "whole numbers",
    '{"tag":"BatchCount", "type":"Integer", "value":true}': "not a value",
    '{"tag":"BatchCount", "type":"Integer"}': "not a value",
    '{"tag":"BatchCount", "type":"Integer", "value":2147483648}': "too large",
    '{"tag":"BatchCount", "type":"Integer", "value":"0x100000000"}': "more hexadecimal digits",
    '{"tag":"BatchCount", "type":"Integer", "value":"1_0"}': "neither a number",
    '{"tag":"BatchCount", "type":"Integer", "value":' + "9" * 5000 + "}": "not a KMIP message",
    '{"tag":"Operation", "type":"Enumeration", "value":"Sing"}': "not a word of Operation",
    '{"tag":"Operation", "type":"Enumeration", "value":-1}': "too large",
    '{"tag":"CryptographicUsageMask", "type":"Integer", "value":"Encrypt|Sing"}': "not a word",
    '{"tag":"Data", "type":"ByteString", "value":"a"}': "pairs",
    '{"tag":"Data", "type":"ByteString", "value":"aa bb"}': "hexadecimal",
    '{"tag":"X", "type":"BigInteger", "value":"00"}': "eight bytes",
    '{"tag":"NameValue", "type":"TextString", "value":"\\ud800"}': "half a character",
    '{"tag":"NameValue", "type":"TextString", "value":1}': "not a value",
    '{"tag":"ArchiveDate", "type":"DateTime", "value":"2001-13-01T00:00:00Z"}': "calendar",
    '{"tag":"ArchiveDate", "type":"DateTime", "value":"yesterday"}': "neither a number",
    '{"tag":"BatchOrderOption", "type":"Boolean", "value":"yes"}': "neither true",
}
BAD_XML = {
    "": "no element found",
    "<BatchItem>": "no element found",
    "<BatchItem/><BatchItem/>": "junk",
    "<Nothing/>": "not a tag",
    "<TTLV/>": "not a tag",
    '<TTLV tag="0x5400"/>': "not a tag",
    "<BatchItem>a</BatchItem>": "text between",
    '<BatchItem type="Integer"/>': "no value",
    '<BatchItem value="1"/>': "Structure with a value",
    '<BatchItem xmlns="urn:other"/>': "namespace",
    '<BatchCount type="Integer" value="1"><BatchItem/></BatchCount>': "within a Integer",
    "<!DOCTYPE BatchItem><BatchItem/>": "document type",
    '<!DOCTYPE a [<!ENTITY b "c">]><BatchItem>&b;</BatchItem>': "document type",
    '<!DOCTYPE a SYSTEM "file:///etc/passwd"><BatchItem/>': "document type",
    "<BatchItem>&b;</BatchItem>": "undefined entity",
    '<?xml version="1.0" encoding="cp1252"?><BatchItem/>': "another encoding",
    '<?xml version="1.0" encoding="nothing"?><BatchItem/>': "another encoding",
    '<NameValue type="TextString" value="&#1;"/>': "invalid character number",
    '<NameValue type="TextString" value="a" value="b"/>': "duplicate",
}


@pytest.mark.parametrize(
    ("decode", "text", "why"),
    [(decode_json, text, why) for text, why in BAD_JSON.items()]
    + [(decode_xml, text, why) for text, why in BAD_XML.items()],
)
def test_what_is_no_item_is_refused_with_the_reason(decode: Decode, text: str, why: str) -> None:
    with pytest.raises(ProtocolError, match=why):
        decode(text.encode())


@both
def test_an_error_says_where_and_in_which_version(encoding: str) -> None:
    text = {
        "json": '{"tag":"RequestMessage", "value":[{"tag":"RequestHeader", "value":[{"tag":"ProtocolVersion", "value":'
        '[{"tag":"ProtocolVersionMajor", "type":"Integer", "value":2},'
        '{"tag":"ProtocolVersionMinor", "type":"Integer", "value":1}]},'
        '{"tag":"BatchCount", "type":"Integer", "value":"secret"}]}]}',
        "xml": '<RequestMessage><RequestHeader><ProtocolVersion><ProtocolVersionMajor type="Integer" value="2"/>'
        '<ProtocolVersionMinor type="Integer" value="1"/></ProtocolVersion>'
        '<BatchCount type="Integer" value="secret"/></RequestHeader></RequestMessage>',
    }[encoding]
    with pytest.raises(ProtocolError) as caught:
        ENCODINGS[encoding][0](text.encode())
    assert caught.value.path == ("RequestMessage", "RequestHeader", "BatchCount")
    assert str(caught.value.version) == "2.1"
    assert "secret" not in str(caught.value)


@both
def test_depth_count_and_size_are_bounded(encoding: str) -> None:
    decode, encode = ENCODINGS[encoding]
    limits = Limits(nesting_depth_max=4, items_max=3, text_size_max=400)
    flat = [Item(T.BATCH_ITEM, K.STRUCTURE, (Item(T.BATCH_ITEM, K.STRUCTURE, ()),) * n) for n in (3, 4)]
    nested = [Item(T.BATCH_ITEM, K.STRUCTURE, ())]
    for _ in range(4):
        nested.append(Item(T.BATCH_ITEM, K.STRUCTURE, (nested[-1],)))
    for allowed in (flat[0], nested[3]):
        assert decode(encode(allowed), limits=limits) == allowed  # type: ignore[call-arg]
    long = Item(T.DATA, K.BYTE_STRING, bytes(200))
    for refused, why in (
        (flat[1], "more than 3 items"),
        (nested[4], "nested deeper than 4"),
        (long, "the limit is 400"),
    ):
        with pytest.raises(ProtocolError, match=why):
            decode(encode(refused), limits=limits)  # type: ignore[call-arg]


@pytest.mark.parametrize("opening", [b"[", b'{"value":', b'[{"value":', b'[["\\"[",'])
def test_a_million_brackets_are_refused_unparsed(opening: bytes) -> None:
    with pytest.raises(ProtocolError, match="nested deeper than 32"):
        decode_json(opening * (1_000_000 // len(opening)))


@pytest.mark.parametrize("text", [b'"\\' * 500_000, b'"' * 999_999, b'{"a":"' + b"\\\\" * 500_000])
def test_quotes_without_end_are_read_once(text: bytes) -> None:
    with pytest.raises(ProtocolError, match="not JSON"):
        decode_json(text)


def test_a_million_elements_are_refused() -> None:
    with pytest.raises(ProtocolError, match="nested deeper than 32"):
        decode_xml(b"<BatchItem>" * 300_000)


def test_xml_does_not_say_what_it_cannot() -> None:
    with pytest.raises(ProtocolError, match="characters that XML does not have"):
        encode_xml(Item(T.NAME_VALUE, K.TEXT_STRING, "a\0b"))
    assert decode_json(encode_json(Item(T.NAME_VALUE, K.TEXT_STRING, "a\0b"))).value == "a\0b"
