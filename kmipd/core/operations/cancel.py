"""Cancel (KMIP 1.4, 4.27; 2.1, 6.1.5): what has not been begun is never done."""

from __future__ import annotations

from kmipd.core import asynchronous
from kmipd.core.services import Context
from kmipd.spec.enumerations import CancellationResult, ResultStatus
from kmipd.spec.payloads import CancelRequestPayload, CancelResponsePayload


def cancel(ctx: Context, request: CancelRequestPayload) -> CancelResponsePayload:
    correlation = request.asynchronous_correlation_value
    return CancelResponsePayload(
        asynchronous_correlation_value=correlation, cancellation_result=_cancelled(ctx, correlation)
    )


def _cancelled(ctx: Context, correlation: bytes) -> CancellationResult:
    entry = asynchronous.find(ctx, correlation)
    if entry is None or entry.cancelled:
        return CancellationResult.UNAVAILABLE
    if ctx.services.requests.cancel(correlation):
        return CancellationResult.CANCELED
    entry = asynchronous.require(ctx, correlation)  # it may have ended while we asked
    if entry.status is None:
        return CancellationResult.UNABLE_TO_CANCEL
    done = entry.status is ResultStatus.SUCCESS
    return CancellationResult.COMPLETED if done else CancellationResult.FAILED
