"""Messages to bytes and back (1.4 §9.1): what a door calls.

Reading is generous in version: any 1.x message is read with the vocabulary of 1.4, any 2.x message with that
of 2.1, because clients run ahead of the version they announce (OffsetItems, of 1.3, arrives in KMIP 1.0).
Writing is strict: an answer never says what its version does not know.
"""

from __future__ import annotations

from struct import Struct
from typing import Final, TypeVar

from kmipd.protocol import unrolled
from kmipd.protocol.items import check_form
from kmipd.protocol.limits import DEFAULT_LIMITS, Limits
from kmipd.protocol.schema import Newer, Schema, schema
from kmipd.protocol.wire import invalid
from kmipd.spec.attributes import Attributes
from kmipd.spec.enumerations import ResultReason
from kmipd.spec.errors import ProtocolError
from kmipd.spec.kinds import ItemType
from kmipd.spec.messages import RequestMessage, ResponseMessage, Undecodable
from kmipd.spec.tags import Tag
from kmipd.spec.versions import V1_4, V2_1, VERSIONS, Version

Message = TypeVar("Message", bound=RequestMessage | ResponseMessage)

#: The vocabulary a message is read with, by major version.
READ_WITH: Final = {1: V1_4, 2: V2_1}

# A message begins with four heads and two Integers: message, header, version, major, minor.
_START: Final = Struct(">II II II IIixxxx IIixxxx")
_REQUEST: Final = Tag.REQUEST_MESSAGE << 8 | ItemType.STRUCTURE
_RESPONSE: Final = Tag.RESPONSE_MESSAGE << 8 | ItemType.STRUCTURE
_VERSION: Final = Tag.PROTOCOL_VERSION << 8 | ItemType.STRUCTURE
_MAJOR: Final = Tag.PROTOCOL_VERSION_MAJOR << 8 | ItemType.INTEGER
_MINOR: Final = Tag.PROTOCOL_VERSION_MINOR << 8 | ItemType.INTEGER


def read_request(data: bytes, limits: Limits = DEFAULT_LIMITS, *, lenient: bool = True) -> RequestMessage:
    """Read one request.

    A payload that breaks the rules becomes `Undecodable` in its batch item; anything wrong outside the
    payloads raises ProtocolError.  `lenient` forgives odd Booleans and padding.
    """
    return _read(RequestMessage, data, limits, lenient)


def read_response(data: bytes, limits: Limits = DEFAULT_LIMITS, *, lenient: bool = True) -> ResponseMessage:
    """Read one response; anything wrong raises ProtocolError."""
    return _read(ResponseMessage, data, limits, lenient)


def write_response(message: ResponseMessage, version: Version) -> bytes:
    """Write an answer in the words of `version`.

    Fields, attributes and list elements the version does not know are left out; where it has no word in a
    mandatory place, or for a Result Reason, NotInVersion is raised.
    """
    return _write(_RESPONSE, message, version, schema(version))


def write_request(message: RequestMessage, newer: Newer = Newer.REFUSE) -> bytes:
    """Write a request in the words of its own version; NotInVersion for anything newer, unless it is to be left out,
    as in what a server tells a client."""
    version = message.request_header.protocol_version.version
    return _write(_REQUEST, message, version, schema(version, newer))


def prepare() -> None:
    """Make the tables of every version now (some tenths of a second) instead of at the first message of each.

    A server calls it before it forks its workers.
    """
    for version in VERSIONS:
        schema(version).plan(ResponseMessage)
    for version in READ_WITH.values():
        schema(version).plan(RequestMessage)
    schema(None).plan(Attributes)


def peek_version(data: bytes) -> Version:
    """The protocol version of a whole message, without reading the rest of it.

    For the answer to a message that cannot be read (1.4 §6.1).
    """
    return _peek(_RESPONSE if data[:4] == _RESPONSE.to_bytes(4, "big") else _REQUEST, data)


def _peek(expected: int, data: bytes) -> Version:
    if len(data) < _START.size:
        raise invalid("too short for a message", 0)
    head, length, header, _, version, size, major, four, first, minor, also, second = _START.unpack_from(data)
    if head != expected:
        raise invalid("not the kind of message that is due", 0)
    if length + 8 != len(data) or length & 7:
        raise invalid(f"length {length} in a message of {len(data)} bytes", 4)
    # The tag of a header is one less than that of its message.
    if (header, version, size, major, four, minor, also) != (head - 256, _VERSION, 32, _MAJOR, 4, _MINOR, 4):
        raise invalid("no Protocol Version where the header begins", 8)
    return Version(first, second)


def _read(cls: type[Message], data: bytes, limits: Limits, lenient: bool) -> Message:
    if len(data) > limits.message_size_max:
        raise invalid(f"{len(data)} bytes; the limit is {limits.message_size_max}", 0)
    version = _peek(_RESPONSE if cls is ResponseMessage else _REQUEST, data)
    vocabulary = READ_WITH.get(version.major)
    if vocabulary is None:
        raise ProtocolError(
            ResultReason.INVALID_MESSAGE, f"protocol version {version} is not supported", offset=24, version=version
        )
    try:
        if not lenient:
            check_form(data, limits)
        message: Message = unrolled.read(
            schema(vocabulary).plan(cls), data, 8, len(data), limits.nesting_depth_max, limits
        )
        _check_batch(message, version, limits)
    except ProtocolError as error:
        error.path = (cls.__name__, *error.path)
        error.version = version
        raise
    return message


def _check_batch(message: RequestMessage | ResponseMessage, version: Version, limits: Limits) -> None:
    header = message.request_header if isinstance(message, RequestMessage) else message.response_header
    count = len(message.batch_item)
    if count > limits.batch_count_max:
        raise invalid(f"{count} batch items; the limit is {limits.batch_count_max}", 0)
    if count != header.batch_count:
        raise invalid(f"{count} batch items, announced {header.batch_count}", 0)
    if isinstance(message, RequestMessage):
        for index, item in enumerate(message.batch_item):
            if isinstance(item.request_payload, Undecodable):
                inside: ProtocolError = item.request_payload.error
                inside.version = version
                inside.path = ("RequestMessage", f"batch_item[{index}]", "request_payload", *inside.path)


def _write(head: int, message: RequestMessage | ResponseMessage, version: Version, words: Schema) -> bytes:
    cls = type(message)
    try:
        return unrolled.write(head, words.plan(cls), message)
    except ProtocolError as error:
        error.path = (cls.__name__, *error.path)
        error.version = version
        raise
