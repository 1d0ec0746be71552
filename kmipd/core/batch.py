"""One request message: its batch items in order, each with its own outcome (KMIP 1.4, 4 and 7.2).

Every item is a unit of work of its own, except under Undo, where the whole batch is one: nothing of it is written
before all of it has succeeded, so undoing is forgetting.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from kmipd.core import answers
from kmipd.core.errors import KmipError
from kmipd.core.model import AuditEvent, Principal
from kmipd.core.policy import permit_operation
from kmipd.core.registry_port import Conflict, RegistryUnavailable, UnitOfWork
from kmipd.core.services import Context, Placeholder, Services
from kmipd.spec.enumerations import BatchErrorContinuationOption as Continuation
from kmipd.spec.enumerations import Operation, ResultReason, ResultStatus
from kmipd.spec.messages import (
    ProtocolVersion,
    RequestBatchItem,
    RequestMessage,
    ResponseBatchItem,
    ResponseHeader,
    ResponseMessage,
)
from kmipd.spec.operations import IN_ANY_VERSION, OPERATIONS
from kmipd.spec.payloads import Undecodable, UnknownPayload
from kmipd.spec.versions import VERSIONS, Version

log = logging.getLogger(__name__)

_NAMES: Mapping[int, str] = {operation: operation.name for operation in Operation}

# Operations whose answer is the identifier of an object and nothing that anybody should keep.
_ANSWERED_BY_NAME = frozenset(
    {
        Operation.ACTIVATE,
        Operation.CHECK,
        Operation.REVOKE,
        Operation.DESTROY,
        Operation.ADD_ATTRIBUTE,
        Operation.MODIFY_ATTRIBUTE,
        Operation.DELETE_ATTRIBUTE,
        Operation.SET_ATTRIBUTE,
    }
)
Handler = Callable[[Context, Any], Any]
# Optimistic concurrency: a unit that read what another one then changed is run again. Three clients that hammer one
# object need a few rounds; an endless loop would be a fault of ours.
ATTEMPTS_MAX = 20


def _go_ahead() -> None:
    """Somebody waits for the answer."""


@dataclass(frozen=True, slots=True)
class Caller:
    principal: Principal
    peer: str  # address, for audit
    before_change: Callable[[], None] = _go_ahead  # raises when nothing may be written any more: the client has left


class KeyService:
    """Answers request messages. Safe to call from many threads."""

    def __init__(self, services: Services, handlers: Mapping[Operation, Handler]) -> None:
        self._services = services
        self._handlers = handlers

    def handle(self, message: RequestMessage, caller: Caller) -> ResponseMessage:
        header = message.request_header
        version = header.protocol_version.version
        now = self._services.clock.now()
        problem = _header_problem(message, version)
        if problem is not None:
            items = [_failed(None, problem, version if version in VERSIONS else VERSIONS[0])]
            return respond(items, version if version in VERSIONS else VERSIONS[-1], now)
        run = _Run(self._services, self._handlers, caller, version, now)
        if header.batch_error_continuation_option == Continuation.UNDO and len(message.batch_item) > 1:
            items = run.all_or_nothing(message.batch_item)
        else:
            go_on = header.batch_error_continuation_option == Continuation.CONTINUE
            items = run.one_by_one(message.batch_item, go_on=go_on)
        return respond(items, version, now)


def respond(items: list[ResponseBatchItem], version: Version, now: int) -> ResponseMessage:
    header = ResponseHeader(protocol_version=ProtocolVersion.of(version), time_stamp=now, batch_count=len(items))
    return ResponseMessage(response_header=header, batch_item=tuple(items))


def _header_problem(message: RequestMessage, version: Version) -> KmipError | None:
    if version not in VERSIONS:
        known = ", ".join(f"{v.major}.{v.minor}" for v in VERSIONS)
        return KmipError(
            ResultReason.UNSUPPORTED_PROTOCOL_VERSION,
            f"KMIP {version.major}.{version.minor} is not spoken here; {known} are",
        )
    if message.request_header.batch_count != len(message.batch_item):
        return KmipError(
            ResultReason.INVALID_MESSAGE,
            f"Batch Count is {message.request_header.batch_count}, the message has {len(message.batch_item)} items",
        )
    return None


class _Run:
    """The items of one message: they share a clock reading and the ID Placeholder."""

    def __init__(
        self, services: Services, handlers: Mapping[Operation, Handler], caller: Caller, version: Version, now: int
    ) -> None:
        self._services = services
        self._handlers = handlers
        self._caller = caller
        self._version = version
        self._now = now
        self._placeholder = Placeholder()

    def one_by_one(self, items: tuple[RequestBatchItem, ...], *, go_on: bool) -> list[ResponseBatchItem]:
        answered = []
        for item in items:
            result = self._alone(item)
            answered.append(result)
            if result.result_status is not ResultStatus.SUCCESS:
                self._placeholder.clear()
                if not go_on:
                    break
        return answered

    def _alone(self, item: RequestBatchItem) -> ResponseBatchItem:
        for _ in range(ATTEMPTS_MAX):
            unit = self._services.registry.unit()
            ctx = self._context(unit)
            try:
                payload = self._perform(ctx, item)
                changed = self._audit_change(ctx, item)
                if changed:
                    self._caller.before_change()
                unit.commit()
                self._record(ctx, item, None, needed=not changed)
            except Conflict as conflict:
                unit.rollback()
                error: Exception = conflict
                continue
            except Exception as caught:  # noqa: BLE001 - the edge: every failure becomes an answer
                unit.rollback()
                error = caught
                break
            return _succeeded(item, payload)
        self._record(ctx, item, error)
        return _failed(item, error, self._version)

    def all_or_nothing(self, items: tuple[RequestBatchItem, ...]) -> list[ResponseBatchItem]:
        for _ in range(ATTEMPTS_MAX):
            self._placeholder = Placeholder()
            unit = self._services.registry.unit()
            try:
                return self._together(unit, items)
            except Conflict as conflict:
                unit.rollback()
                error: Exception = conflict
            except Exception as caught:  # noqa: BLE001 - the commit failed: nothing of the batch happened
                unit.rollback()
                error = caught
                break
        undone = [_undone(item, None) for item in items[:-1]]
        return [*undone, _failed(items[-1], error, self._version)]

    def _together(self, unit: UnitOfWork, items: tuple[RequestBatchItem, ...]) -> list[ResponseBatchItem]:
        done: list[tuple[Context, RequestBatchItem, bool]] = []
        payloads: list[Any] = []
        for item in items:
            ctx = self._context(unit)
            try:
                payload = self._perform(ctx, item)
            except Conflict:
                raise
            except Exception as error:  # noqa: BLE001 - the edge
                unit.rollback()
                self._record(ctx, item, error)
                return [*map(_undone, (i for _, i, _ in done), payloads), _failed(item, error, self._version)]
            done.append((ctx, item, self._audit_change(ctx, item)))
            payloads.append(payload)
        for ctx, item, changed in done:
            if not changed:
                self._record(ctx, item, None, needed=True)
        if unit.changed:
            self._caller.before_change()
        unit.commit()
        for ctx, item, changed in done:
            if changed:
                self._record(ctx, item, None)
        return [_succeeded(item, payload) for item, payload in zip(items, payloads, strict=True)]

    def _context(self, unit: UnitOfWork) -> Context:
        return Context(self._services, self._caller.principal, self._version, unit, self._now, self._placeholder)

    def _perform(self, ctx: Context, item: RequestBatchItem) -> Any:
        operation = item.operation
        handler = self._handlers.get(operation)
        row = OPERATIONS.get(operation)
        if handler is None or row is None or not (row.since <= self._version or operation in IN_ANY_VERSION):
            name = getattr(operation, "name", f"{int(operation):#x}")
            raise KmipError(ResultReason.OPERATION_NOT_SUPPORTED, f"the operation {name} is not supported")
        if isinstance(item.request_payload, Undecodable):
            problem = item.request_payload.error
            raise KmipError(problem.reason, str(problem))
        if isinstance(item.request_payload, UnknownPayload):
            raise KmipError(ResultReason.OPERATION_NOT_SUPPORTED, "the operation is not known")
        if item.message_extension and any(extension.criticality_indicator for extension in item.message_extension):
            raise KmipError(
                ResultReason.FEATURE_NOT_SUPPORTED, "no message extension is supported, this one is critical"
            )
        permit_operation(self._caller.principal, operation)
        return handler(ctx, item.request_payload)

    def _audit_change(self, ctx: Context, item: RequestBatchItem) -> bool:
        """Audit a change in the transaction that makes it; False when the item changes nothing."""
        if not ctx.unit.changed:
            return False
        ctx.unit.audit(self._event(ctx, item, None))
        return True

    def _record(self, ctx: Context, item: RequestBatchItem, error: Exception | None, *, needed: bool = False) -> None:
        """Write the audit log. Where nothing else has the event (`needed`) a key is not given out without it."""
        if error is not None and not answers.expected(error):
            log.error("%s failed", _name(item.operation), exc_info=error)
        elif error is not None and not isinstance(error, KmipError):
            log.warning("%s on %s: %s", _name(item.operation), ctx.touched or "nothing", error)
        try:
            self._services.registry.record(self._event(ctx, item, error))
        except RegistryUnavailable as unwritten:
            log.error("%s", unwritten)
            if needed:
                raise

    def _event(self, ctx: Context, item: RequestBatchItem, error: Exception | None) -> AuditEvent:
        principal = self._caller.principal
        reason = "" if error is None else answers.answer(error, VERSIONS[-1])[0].name
        return AuditEvent(
            time=self._now,
            principal=principal.name,
            group=principal.group,
            operation=_name(item.operation),
            uid=ctx.touched,
            result="success" if error is None else "refused",
            reason=reason,
            peer=self._caller.peer,
            place=ctx.place,
        )


def _name(operation: Operation | int) -> str:
    return _NAMES.get(operation) or f"{int(operation):#x}"


def _succeeded(item: RequestBatchItem, payload: Any) -> ResponseBatchItem:
    return ResponseBatchItem(
        operation=item.operation,
        unique_batch_item_id=item.unique_batch_item_id,
        result_status=ResultStatus.SUCCESS,
        response_payload=payload,
    )


def _undone(item: RequestBatchItem, payload: Any) -> ResponseBatchItem:
    """With its payload where that only names objects (BL-M-2). An undone Get would be a key given out that no line of
    the audit log and no count knows."""
    return ResponseBatchItem(
        operation=item.operation,
        unique_batch_item_id=item.unique_batch_item_id,
        result_status=ResultStatus.OPERATION_UNDONE,
        result_message="undone, because another item of the batch failed",
        response_payload=payload if item.operation in _ANSWERED_BY_NAME else None,
    )


def _failed(item: RequestBatchItem | None, error: Exception, version: Version) -> ResponseBatchItem:
    reason, text = answers.answer(error, version)
    return ResponseBatchItem(
        operation=None if item is None else item.operation,
        unique_batch_item_id=None if item is None else item.unique_batch_item_id,
        result_status=ResultStatus.OPERATION_FAILED,
        result_reason=reason,
        result_message=text,
    )
