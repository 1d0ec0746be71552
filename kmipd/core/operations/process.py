"""Process (KMIP 2.1, 6.1.39): have an asynchronous request done now, so that the next Poll finds its answer."""

from __future__ import annotations

from kmipd.core import asynchronous
from kmipd.core.errors import KmipError
from kmipd.core.services import Context
from kmipd.spec.enumerations import ResultReason
from kmipd.spec.payloads import ProcessRequestPayload, ProcessResponsePayload


def process(ctx: Context, request: ProcessRequestPayload) -> ProcessResponsePayload:
    entry = asynchronous.require(ctx, request.asynchronous_correlation_value)
    if entry.done:
        raise KmipError(ResultReason.DUPLICATE_PROCESS_REQUEST, "the request was processed already")
    if not asynchronous.awaited(ctx, entry, asynchronous.PROCESS_SECONDS).done:
        raise KmipError(
            ResultReason.GENERAL_FAILURE, f"still at work after {asynchronous.PROCESS_SECONDS:.0f} seconds: poll for it"
        )
    return ProcessResponsePayload()
