"""Requests that are answered later (KMIP 1.4, 4.27, 4.28 and 6.7; 2.1, 9.2 and 11.3).

A message whose client can wait is written down, sealed, and answered Pending. A worker, whichever, takes it up after a
moment in which it can still be cancelled, or as soon as somebody polls for it; what it answers is kept, sealed, for the
Poll. All items of a message are done together, with their order, their ID Placeholder and their Undo.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from kmipd.core import outcomes, vault
from kmipd.core.asynchronous_port import Entry
from kmipd.core.errors import KmipError, StoreError
from kmipd.core.model import Caller
from kmipd.core.services import Context, Services
from kmipd.spec.enumerations import AsynchronousIndicator, BatchErrorContinuationOption, ResultReason
from kmipd.spec.enumerations import Operation as O
from kmipd.spec.messages import RequestBatchItem, RequestMessage, ResponseBatchItem
from kmipd.spec.payloads import Undecodable, UnknownPayload
from kmipd.spec.versions import Version

T = TypeVar("T")
CORRELATION_SIZE = 16
# A client that does not fetch its answers must not fill the registry; storage clients wait for one or two.
OUTSTANDING_MAX = 64
# The answer waits so long for a Poll; repeated Polls get it again, since the first reply may have been lost.
KEPT_SECONDS = 3600
# No operation takes so long: its worker is dead.
WORK_SECONDS_MAX = 900
# Poll waits so long for work that is nearly done, rather than have the client ask again at once.
POLL_SECONDS = 2.0
PROCESS_SECONDS = 15.0  # less than a request may take at the door

# They are about other requests, or about the connection itself.
ALWAYS_AT_ONCE = frozenset(
    {
        O.POLL,
        O.CANCEL,
        O.PROCESS,
        O.QUERY_ASYNCHRONOUS_REQUESTS,
        O.DISCOVER_VERSIONS,
        O.LOGIN,
        O.LOGOUT,
        O.DELEGATED_LOGIN,
        O.SET_ENDPOINT_ROLE,
    }
)


@dataclass(frozen=True, slots=True)
class Work:
    """The items of one message, to be done now."""

    entries: tuple[Entry, ...]
    items: tuple[RequestBatchItem, ...]

    @property
    def caller(self) -> Caller:
        return self.entries[0].caller

    @property
    def version(self) -> Version:
        return self.entries[0].version

    @property
    def continuation(self) -> BatchErrorContinuationOption | None:
        return self.entries[0].continuation


def submit(services: Services, message: RequestMessage, caller: Caller, now: int) -> list[ResponseBatchItem] | None:
    """The Pending answers; None when the message is to be answered at once."""
    header = message.request_header
    version = header.protocol_version.version
    must = header.asynchronous_indicator is AsynchronousIndicator.MANDATORY
    # Of "Optional" and the Boolean of 1.x single items are taken up: a batch refers to itself, its client gains little.
    if header.asynchronous_indicator is AsynchronousIndicator.PROHIBITED or not (must or len(message.batch_item) == 1):
        return None
    if any(i.operation in ALWAYS_AT_ONCE or _unreadable(i) for i in message.batch_item) or caller.granted is not None:
        return None
    try:
        entries = _entries(services, message, caller, now)
        taken = services.requests.submit(entries, OUTSTANDING_MAX)
    except StoreError as error:  # without a token nothing can be kept; what needs none can be answered at once
        return [outcomes.failed(item, error, version) for item in message.batch_item] if must else None
    if not taken:
        problem = KmipError(
            ResultReason.SERVER_LIMIT_EXCEEDED, f"{OUTSTANDING_MAX} answers are waiting to be polled already"
        )
        return [outcomes.failed(item, problem, version) for item in message.batch_item] if must else None
    services.background.submitted(entries[0].batch)
    return [
        outcomes.pending(entry.operation, item.unique_batch_item_id, entry.correlation)
        for entry, item in zip(entries, message.batch_item, strict=True)
    ]


def _entries(services: Services, message: RequestMessage, caller: Caller, now: int) -> tuple[Entry, ...]:
    batch = services.store.random(CORRELATION_SIZE).hex()
    return tuple(_entry(services, item, n, batch, caller, message, now) for n, item in enumerate(message.batch_item))


def _unreadable(item: RequestBatchItem) -> bool:
    return isinstance(item.request_payload, Undecodable | UnknownPayload) or not isinstance(item.operation, O)


def _entry(
    services: Services,
    item: RequestBatchItem,
    position: int,
    batch: str,
    caller: Caller,
    message: RequestMessage,
    now: int,
) -> Entry:
    correlation = services.store.random(CORRELATION_SIZE)
    sealed = vault.seal_bytes(services, services.store, services.codec.dump(item), _bound(correlation, "request"))
    return Entry(
        correlation=correlation,
        batch=batch,
        position=position,
        caller=caller,
        operation=item.operation,
        version=message.request_header.protocol_version.version,
        continuation=message.request_header.batch_error_continuation_option,
        submitted=now,
        wrapping_key=sealed.wrapping_key,
        sealed=sealed.blob,
    )


def _bound(correlation: bytes, what: str) -> bytes:
    return f"kmipd:asynchronous {what}:{correlation.hex()}".encode()


# The work ----------------------------------------------------------------------------------------------------


def claim(services: Services, batch: str, now: int) -> Work | None:
    entries = services.requests.claim(batch, now)
    if not entries:
        return None
    try:
        return Work(entries, tuple(_opened(services, e, "request", RequestBatchItem) for e in entries))
    except StoreError:  # the token is away: nothing was done, and it is tried again
        services.requests.release(batch)
        raise


def finish(services: Services, work: Work, answered: list[ResponseBatchItem]) -> None:
    """Keep the answers. Items after a failure that stopped the batch were not done, and say so."""
    for n, entry in enumerate(work.entries):
        item = answered[n] if n < len(answered) else outcomes.not_begun(entry.operation)
        plain, bound = services.codec.dump(item), _bound(entry.correlation, "answer")
        try:
            sealed = vault.seal_bytes(services, services.store, plain, bound)
        except (StoreError, KmipError):  # it was done, and there is no place for its answer: the client must look
            sealed = vault.Sealed(b"", b"")
        services.requests.finish(entry.correlation, item.result_status, sealed.wrapping_key, sealed.blob)


def _opened(services: Services, entry: Entry, what: str, cls: type[T]) -> T:
    plain = services.store.unseal(entry.wrapping_key, entry.sealed, _bound(entry.correlation, what))
    opened: T = services.codec.load(cls, plain)
    return opened


def tidy(services: Services, *, everything: bool = False) -> None:
    """Now and then; with `everything` (no worker is running) whatever was begun has ended without an answer."""
    now = services.clock.now()
    work = -1 if everything else WORK_SECONDS_MAX
    services.requests.tidy(submitted_before=now - KEPT_SECONDS, begun_before=now - work)


# Asking for it -----------------------------------------------------------------------------------------------


def find(ctx: Context, correlation: bytes) -> Entry | None:
    """The client's own; another one's is as unknown as one that does not exist."""
    entry = ctx.services.requests.find(correlation)
    return entry if entry is not None and entry.caller.principal == ctx.principal and not _delegated(ctx) else None


def _delegated(ctx: Context) -> bool:
    """The holder of some rights has no requests of its own, and those of the client may be about anything."""
    return ctx.granted is not None and ctx.granted.rights is not None


def listed(ctx: Context) -> tuple[Entry, ...]:
    """Those of the client whose answers it has not obtained, oldest first."""
    return () if _delegated(ctx) else ctx.services.requests.of(ctx.principal)


def require(ctx: Context, correlation: bytes) -> Entry:
    entry = find(ctx, correlation)
    if entry is None:
        raise KmipError(
            ResultReason.INVALID_ASYNCHRONOUS_CORRELATION_VALUE, "no outstanding request has this correlation value"
        )
    return entry


def awaited(ctx: Context, entry: Entry, seconds: float) -> Entry:
    """The entry after at most so long."""
    if not entry.done:
        ctx.services.background.await_end(entry.batch, seconds, entry.correlation)
    return require(ctx, entry.correlation)


def answer_of(ctx: Context, entry: Entry) -> ResponseBatchItem:
    """As it would have been, had it been done at once."""
    if entry.cancelled:
        error = KmipError(ResultReason.OPERATION_CANCELED_BY_REQUESTER, "the operation was cancelled")
        return outcomes.failed_operation(entry.operation, error, ctx.version)
    if not entry.sealed:
        return outcomes.lost(entry.operation)
    return _opened(ctx.services, entry, "answer", ResponseBatchItem)
