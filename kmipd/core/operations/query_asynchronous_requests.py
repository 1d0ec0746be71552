"""Query Asynchronous Requests (KMIP 2.1, 6.1.41): the client's own, whose answers it has not obtained."""

from __future__ import annotations

from kmipd.core import asynchronous
from kmipd.core.asynchronous_port import Entry
from kmipd.core.services import Context
from kmipd.spec.enumerations import ProcessingStage
from kmipd.spec.payloads import QueryAsynchronousRequestsRequestPayload, QueryAsynchronousRequestsResponsePayload
from kmipd.spec.payloads.parts import AsynchronousRequest

_MICROSECONDS = 1_000_000  # in a second: Submission Date is a Date-Time Extended


def query_asynchronous_requests(
    ctx: Context, request: QueryAsynchronousRequestsRequestPayload
) -> QueryAsynchronousRequestsResponsePayload:
    values, operations = request.asynchronous_correlation_values, request.operations
    listed = [
        entry
        for entry in asynchronous.listed(ctx)
        if (values is None or entry.correlation in values.asynchronous_correlation_value)
        and (operations is None or entry.operation in operations.operation)
    ]
    return QueryAsynchronousRequestsResponsePayload(
        asynchronous_request=tuple(
            AsynchronousRequest(
                asynchronous_correlation_value=entry.correlation,
                operation=entry.operation,
                submission_date=entry.submitted * _MICROSECONDS,
                processing_stage=_stage(entry),
            )
            for entry in listed
        )
    )


def _stage(entry: Entry) -> ProcessingStage:
    if entry.done:
        return ProcessingStage.COMPLETED
    return ProcessingStage.SUBMITTED if entry.begun is None else ProcessingStage.IN_PROCESS
