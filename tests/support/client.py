"""A client without opinions: typed requests in any version, or any bytes; answers typed and raw."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any

from kmipd import protocol
from kmipd.spec import attributes as a
from kmipd.spec.enumerations import Operation, ResultReason, ResultStatus
from kmipd.spec.kinds import Item, ItemType
from kmipd.spec.messages import ProtocolVersion, RequestBatchItem, RequestHeader, RequestMessage, ResponseMessage
from kmipd.spec.names import title
from kmipd.spec.tags import Tag
from kmipd.spec.versions import V1_4, V2_0, Version
from tests.support.server import Identity, Server

ANSWER_SECONDS = 30.0


class Ended(Exception):
    """The server closed the connection where an answer was due."""


class Refused(Exception):
    """A batch item failed."""

    def __init__(self, reason: ResultReason | None, message: str | None) -> None:
        super().__init__(f"{reason!r}: {message}")
        self.reason = reason
        self.message = message


@dataclass
class Client:
    """One TLS connection. `version` and `header` are of the requests `call` and `batch` make."""

    sock: ssl.SSLSocket
    version: Version = V1_4
    last: bytes = b""  # the last answer, as it came

    @classmethod
    def connect(cls, server: Server, identity: Identity, version: Version = V1_4) -> Client:
        raw = socket.create_connection((server.host, server.port), ANSWER_SECONDS)
        raw.settimeout(ANSWER_SECONDS)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            return cls(identity.context().wrap_socket(raw, server_hostname="localhost"), version)
        except OSError:
            raw.close()
            raise

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self.sock.close()

    # Bytes ---------------------------------------------------------------------------------------------------

    def exchange(self, data: bytes) -> bytes:
        """One message out, one message in."""
        self.sock.sendall(data)
        return self.receive()

    def receive(self) -> bytes:
        head = self._exactly(8)
        self.last = head + self._exactly(int.from_bytes(head[4:], "big"))
        return self.last

    def _exactly(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            chunk = self.sock.recv(count - len(data))
            if not chunk:
                raise Ended(f"closed after {len(data)} of {count} bytes")
            data += chunk
        return data

    # Messages ------------------------------------------------------------------------------------------------

    def send(self, message: RequestMessage) -> ResponseMessage:
        return protocol.read_response(self.exchange(protocol.write_request(message)))

    def send_as(self, message: RequestMessage, version: Version) -> ResponseMessage:
        """Words of a newer version under the header of an older one, as real clients send them."""
        return protocol.read_response(self.exchange(relabelled(protocol.write_request(message), version)))

    def batch(
        self, *items: tuple[Operation, Any], version: Version | None = None, ids: bool = True, **header: Any
    ) -> ResponseMessage:
        return self.send(request(*items, version=version or self.version, ids=ids, **header))

    def call(self, operation: Operation, payload: Any, version: Version | None = None, **header: Any) -> Any:
        """The payload of the answer; `Refused` when the operation failed."""
        item = self.batch((operation, payload), version=version, ids=False, **header).batch_item[0]
        if item.result_status is not ResultStatus.SUCCESS:
            raise Refused(item.result_reason, item.result_message)
        return item.response_payload

    def refusal(self, operation: Operation, payload: Any, version: Version | None = None) -> ResultReason | None:
        """The reason for which the operation fails; None when it does not."""
        try:
            self.call(operation, payload, version)
        except Refused as error:
            return error.reason
        return None


_MAJOR, _MINOR = slice(32, 36), slice(48, 52)  # in every message: the header begins with the Protocol Version


def relabelled(data: bytes, version: Version) -> bytes:
    """The same message under another protocol version."""
    changed = bytearray(data)
    changed[_MAJOR] = version.major.to_bytes(4, "big")
    changed[_MINOR] = version.minor.to_bytes(4, "big")
    return bytes(changed)


def request(*items: tuple[Operation, Any], version: Version, ids: bool = True, **header: Any) -> RequestMessage:
    """Batch items get ids when there are several of them, as the standard asks."""
    many = ids and len(items) > 1
    return RequestMessage(
        request_header=RequestHeader(
            protocol_version=ProtocolVersion.of(version),
            time_stamp=header.pop("time_stamp", int(time.time())),
            batch_count=len(items),
            **header,
        ),
        batch_item=tuple(
            RequestBatchItem(
                operation=operation,
                unique_batch_item_id=bytes([index + 1]) if many else None,
                request_payload=payload,
            )
            for index, (operation, payload) in enumerate(items)
        ),
    )


# Attributes in the form of a version ------------------------------------------------------------------------------

Pairs = Sequence[tuple[Tag | str, Any]]


def template(pairs: Pairs) -> a.TemplateAttribute:
    """1.x: text keys are custom names, whose values are Items or text."""
    return a.TemplateAttribute(attribute=tuple(attribute(key, value) for key, value in pairs))


def attribute(key: Tag | str, value: Any, index: int | None = None) -> a.Attribute:
    name = key if isinstance(key, str) else title(key)
    return a.Attribute(attribute_name=name, attribute_index=index, attribute_value=_custom(key, value))


def attributes(pairs: Pairs) -> a.Attributes:
    """2.x."""
    return a.Attributes(values=tuple(attribute_item(key, value) for key, value in pairs))


def attribute_item(key: Tag | str, value: Any) -> a.AttributeItem:
    if isinstance(key, Tag):
        return a.AttributeItem(tag=key, value=value)
    vendor, _, name = key.partition("-")
    made = a.VendorAttribute(vendor_identification=vendor, attribute_name=name, attribute_value=_custom(key, value))
    return a.AttributeItem(tag=Tag.ATTRIBUTE, value=made)


def wanted(version: Version, pairs: Pairs) -> dict[str, Any]:
    """The field of a Create or Register that lists attributes."""
    return {"attributes": attributes(pairs)} if version >= V2_0 else {"template_attribute": template(pairs)}


def _custom(key: Tag | str, value: Any) -> Any:
    if isinstance(key, str) and isinstance(value, str):
        return Item(Tag.ATTRIBUTE_VALUE, ItemType.TEXT_STRING, value)
    return value


def found(payload: Any) -> dict[str, Any]:
    """Attribute values of an answer by 1.x name (or tag name of 2.x); lists where there are several."""
    result: dict[str, list[Any]] = {}
    for one in payload.attribute:
        result.setdefault(one.attribute_name, []).append(one.attribute_value)
    for item in payload.attributes.values if payload.attributes is not None else ():
        result.setdefault(_label(item), []).append(item.value)
    return {key: values[0] if len(values) == 1 else values for key, values in result.items()}


def _label(item: a.AttributeItem) -> str:
    if isinstance(item.value, a.VendorAttribute):
        return f"{item.value.vendor_identification}-{item.value.attribute_name}"
    return title(Tag(item.tag))


def with_header(message: RequestMessage, **changes: Any) -> RequestMessage:
    return replace(message, request_header=replace(message.request_header, **changes))
