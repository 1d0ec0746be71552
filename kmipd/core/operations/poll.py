"""Poll (KMIP 1.4, 4.28; 2.1, 6.1.38): the answer of an asynchronous request, or that it is not there yet."""

from __future__ import annotations

from kmipd.core import asynchronous, outcomes
from kmipd.core.services import Context
from kmipd.spec.payloads import PollRequestPayload


def poll(ctx: Context, request: PollRequestPayload) -> outcomes.Whole:
    entry = asynchronous.require(ctx, request.asynchronous_correlation_value)
    entry = asynchronous.awaited(ctx, entry, asynchronous.POLL_SECONDS)
    if not entry.done:
        return outcomes.Whole(outcomes.pending(entry.operation, None, entry.correlation))
    answer = asynchronous.answer_of(ctx, entry)
    ctx.services.requests.obtained(entry.correlation)
    return outcomes.Whole(answer)
