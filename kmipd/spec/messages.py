"""Messages, headers and batch items (1.4 §6, §7; 2.1 §8, §9)."""

from __future__ import annotations

from typing import Annotated

from kmipd.spec import enumerations as e
from kmipd.spec.declare import CONTAINED, ECHOED, ESSENTIAL, REST, DateTime, cases, since, structure
from kmipd.spec.kinds import Item
from kmipd.spec.objects import Credential, Nonce
from kmipd.spec.operations import REQUESTS, RESPONSES
from kmipd.spec.payloads.base import RequestPayload, ResponsePayload, Undecodable, UnknownPayload
from kmipd.spec.payloads.parts import ProtocolVersion
from kmipd.spec.versions import V1_2, V1_4, V2_0


@structure
class Authentication:
    """Authentication (1.4 §6.6); more than one credential since 1.2."""

    credential: tuple[Credential, ...]


@structure
class VendorExtension:
    """The contents of a Message Extension are the vendor's (1.4 §6.16)."""

    items: Annotated[tuple[Item, ...], REST] = ()


@structure
class MessageExtension:
    """Message Extension (1.4 §6.16)."""

    vendor_identification: str
    criticality_indicator: bool
    vendor_extension: VendorExtension


@structure
class RequestHeader:
    """Request Header (1.4 §7.2, 2.1 §8.2)."""

    protocol_version: ProtocolVersion
    maximum_response_size: int | None = None
    client_correlation_value: Annotated[str | None, since(V1_4)] = None
    server_correlation_value: Annotated[str | None, since(V1_4)] = None
    #: A Boolean in 1.x, an Enumeration in 2.x.
    asynchronous_indicator: bool | e.AsynchronousIndicator | None = None
    attestation_capable_indicator: Annotated[bool | None, since(V1_2)] = None
    attestation_type: Annotated[tuple[e.AttestationType, ...], since(V1_2)] = ()
    authentication: Authentication | None = None
    batch_error_continuation_option: e.BatchErrorContinuationOption | None = None
    batch_order_option: bool | None = None
    time_stamp: DateTime | None = None
    batch_count: int


@structure
class RequestBatchItem:
    """Request Batch Item (1.4 §7.2, 2.1 §8.3)."""

    operation: Annotated[e.Operation, ESSENTIAL]
    ephemeral: Annotated[bool | None, since(V2_0)] = None
    unique_batch_item_id: bytes | None = None
    request_payload: Annotated[
        RequestPayload | UnknownPayload | Undecodable,
        cases("operation", REQUESTS, UnknownPayload),
        CONTAINED,
    ]
    message_extension: tuple[MessageExtension, ...] = ()


@structure
class RequestMessage:
    """Request Message (1.4 §7.1)."""

    request_header: RequestHeader
    batch_item: Annotated[tuple[RequestBatchItem, ...], ESSENTIAL]


@structure
class ResponseHeader:
    """Response Header (1.4 §7.2, 2.1 §8.5)."""

    protocol_version: ProtocolVersion
    time_stamp: DateTime
    nonce: Annotated[Nonce | None, since(V1_2)] = None
    server_hashed_password: Annotated[bytes | None, since(V2_0)] = None
    attestation_type: Annotated[tuple[e.AttestationType, ...], since(V1_2)] = ()
    client_correlation_value: Annotated[str | None, since(V1_4)] = None
    server_correlation_value: Annotated[str | None, since(V1_4)] = None
    batch_count: int


@structure
class ResponseBatchItem:
    """Response Batch Item (1.4 §7.2, 2.1 §8.6)."""

    #: Echoed, also when the version does not have it: the client asked by that number.
    operation: Annotated[e.Operation | None, ECHOED] = None
    unique_batch_item_id: bytes | None = None
    result_status: Annotated[e.ResultStatus, ESSENTIAL]
    result_reason: Annotated[e.ResultReason | None, ESSENTIAL] = None
    result_message: str | None = None
    asynchronous_correlation_value: bytes | None = None
    response_payload: Annotated[
        ResponsePayload | UnknownPayload | None,
        cases("operation", RESPONSES, UnknownPayload),
        ESSENTIAL,
    ] = None
    message_extension: tuple[MessageExtension, ...] = ()


@structure
class ResponseMessage:
    """Response Message (1.4 §7.1)."""

    response_header: ResponseHeader
    batch_item: Annotated[tuple[ResponseBatchItem, ...], ESSENTIAL]


__all__ = [
    "Authentication",
    "MessageExtension",
    "ProtocolVersion",
    "RequestBatchItem",
    "RequestHeader",
    "RequestMessage",
    "ResponseBatchItem",
    "ResponseHeader",
    "ResponseMessage",
    "Undecodable",
    "UnknownPayload",
    "VendorExtension",
]
