"""What became of a batch item, as the client is told (KMIP 1.4, 7.2; 2.1, 8.6)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from kmipd.core import answers
from kmipd.spec.enumerations import Operation, ResultReason, ResultStatus
from kmipd.spec.messages import ProtocolVersion, RequestBatchItem, ResponseBatchItem, ResponseHeader, ResponseMessage
from kmipd.spec.operations import ANSWERED_BY_NAME
from kmipd.spec.versions import Version


@dataclass(frozen=True, slots=True)
class Whole:
    """What an operation answers when it has more to say than a payload: Poll repeats the answer of another one."""

    item: ResponseBatchItem


def respond(items: list[ResponseBatchItem], version: Version, now: int) -> ResponseMessage:
    header = ResponseHeader(protocol_version=ProtocolVersion.of(version), time_stamp=now, batch_count=len(items))
    return ResponseMessage(response_header=header, batch_item=tuple(items))


def succeeded(item: RequestBatchItem, payload: Any) -> ResponseBatchItem:
    if type(payload) is Whole:
        return replace(payload.item, unique_batch_item_id=item.unique_batch_item_id)
    return ResponseBatchItem(
        operation=item.operation,
        unique_batch_item_id=item.unique_batch_item_id,
        result_status=ResultStatus.SUCCESS,
        response_payload=payload,
    )


def undone(item: RequestBatchItem, payload: Any) -> ResponseBatchItem:
    """With its payload where that only names objects (BL-M-2). An undone Get would be a key given out that no line of
    the audit log and no count knows."""
    return ResponseBatchItem(
        operation=item.operation,
        unique_batch_item_id=item.unique_batch_item_id,
        result_status=ResultStatus.OPERATION_UNDONE,
        result_message="undone, because another item of the batch failed",
        response_payload=payload if item.operation in ANSWERED_BY_NAME else None,
    )


def failed(item: RequestBatchItem | None, error: Exception, version: Version) -> ResponseBatchItem:
    made = failed_operation(None if item is None else item.operation, error, version)
    return made if item is None else replace(made, unique_batch_item_id=item.unique_batch_item_id)


def failed_operation(operation: Operation | None, error: Exception, version: Version) -> ResponseBatchItem:
    reason, text = answers.answer(error, version)
    return ResponseBatchItem(
        operation=operation, result_status=ResultStatus.OPERATION_FAILED, result_reason=reason, result_message=text
    )


def pending(operation: Operation, batch_item_id: bytes | None, correlation: bytes) -> ResponseBatchItem:
    """It will be done later: ask by `correlation` (KMIP 1.4, 6.8)."""
    return ResponseBatchItem(
        operation=operation,
        unique_batch_item_id=batch_item_id,
        result_status=ResultStatus.OPERATION_PENDING,
        asynchronous_correlation_value=correlation,
    )


def lost(operation: Operation) -> ResponseBatchItem:
    """The server ended in the middle of it."""
    return ResponseBatchItem(
        operation=operation,
        result_status=ResultStatus.OPERATION_FAILED,
        result_reason=ResultReason.GENERAL_FAILURE,
        result_message="the server was interrupted at work: look whether it was done before asking again",
    )


def not_begun(operation: Operation) -> ResponseBatchItem:
    """An earlier item of its batch failed."""
    return ResponseBatchItem(
        operation=operation,
        result_status=ResultStatus.OPERATION_FAILED,
        result_reason=ResultReason.GENERAL_FAILURE,
        result_message="not done, because an earlier item of the batch failed",
    )
