"""One request message: its batch items in order, each with its own outcome (KMIP 1.4, 4 and 7.2).

Every item is a unit of work of its own, except under Undo, where the whole batch is one: nothing of it is written
before all of it has succeeded, so undoing is forgetting.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

from kmipd.core import answers, asynchronous, outcomes, tickets
from kmipd.core.authentication import authenticate
from kmipd.core.errors import KmipError
from kmipd.core.model import AuditEvent, Caller, Granted
from kmipd.core.policy import permit_operation
from kmipd.core.registry_port import Conflict, RegistryUnavailable, Unfinished, UnitOfWork
from kmipd.core.services import IDENTIFIER_SHOWN_MAX, Context, Placeholder, Services
from kmipd.spec.enumerations import BatchErrorContinuationOption as Continuation
from kmipd.spec.enumerations import Operation, ResultReason, ResultStatus
from kmipd.spec.messages import RequestBatchItem, RequestMessage, ResponseBatchItem, ResponseMessage
from kmipd.spec.operations import IN_ANY_VERSION, OPERATIONS
from kmipd.spec.payloads import Undecodable, UnknownPayload
from kmipd.spec.versions import VERSIONS, Version

log = logging.getLogger(__name__)

_NAMES: Mapping[int, str] = {operation: operation.name for operation in Operation}

# Operations with something to do once they are written.
_FOLLOWED_UP = frozenset({Operation.DESTROY, Operation.RE_PROVISION})
Handler = Callable[[Context, Any], Any]
# Optimistic concurrency: a unit that read what another one then changed is run again. Three clients that hammer one
# object need a few rounds; an endless loop would be a fault of ours.
ATTEMPTS_MAX = 20


class KeyService:
    """Answers request messages. Safe to call from many threads."""

    def __init__(self, services: Services, handlers: Mapping[Operation, Handler]) -> None:
        self._services = services
        self._handlers = {o: h for o, h in handlers.items() if o not in services.settings.unserved}

    def handle(self, message: RequestMessage, caller: Caller) -> ResponseMessage:
        header = message.request_header
        version = header.protocol_version.version
        now = self._services.clock.now()
        problem = _header_problem(message, version)
        if problem is not None:
            items = [outcomes.failed(None, problem, version if version in VERSIONS else VERSIONS[0])]
            return outcomes.respond(items, version if version in VERSIONS else VERSIONS[-1], now)
        if header.authentication is not None:
            try:
                caller = authenticate(self._services, message, header.authentication, caller, now)
            except KmipError as error:
                run = _Run(self._services, self._handlers, caller, version, now)
                return outcomes.respond(run.refuse(message.batch_item, error), version, now)
        if header.asynchronous_indicator:
            submitted = asynchronous.submit(self._services, message, caller, now)
            if submitted is not None:
                return outcomes.respond(submitted, version, now)
        items = self._run(message.batch_item, header.batch_error_continuation_option, caller, version, now)
        return outcomes.respond(items, version, now)

    def perform(self, batch: str) -> bool:
        """Do what was submitted as asynchronous, unless somebody else has begun it."""
        services = self._services
        now = services.clock.now()
        work = asynchronous.claim(services, batch, now)
        if work is None:
            return False
        items = self._run(work.items, work.continuation, work.caller, work.version, now)
        asynchronous.finish(services, work, items)
        return True

    def _run(
        self,
        items: tuple[RequestBatchItem, ...],
        continuation: Continuation | None,
        caller: Caller,
        version: Version,
        now: int,
    ) -> list[ResponseBatchItem]:
        run = _Run(self._services, self._handlers, caller, version, now)
        if continuation == Continuation.UNDO and len(items) > 1:
            return run.all_or_nothing(items)
        return run.one_by_one(items, go_on=continuation == Continuation.CONTINUE)


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
        self._granted: dict[int, Granted] = {}  # by the id of an item: one that is tried again is counted once

    def refuse(self, items: tuple[RequestBatchItem, ...], error: KmipError) -> list[ResponseBatchItem]:
        """All of them: the message is not from who it says."""
        ctx = self._context(self._services.registry.unit())
        for item in items:
            self._record(ctx, item, error)
        return [outcomes.failed(item, error, self._version) for item in items]

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
            except Unfinished as caught:
                error = next(iter(caught.problems.values()))
                break
            except Exception as caught:  # noqa: BLE001 - the edge: every failure becomes an answer
                unit.rollback()
                error = caught
                break
            return outcomes.succeeded(item, payload)
        self._record(ctx, item, error)
        return outcomes.failed(item, error, self._version)

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
        undone = [outcomes.undone(item, None) for item in items[:-1]]
        return [*undone, outcomes.failed(items[-1], error, self._version)]

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
                return [
                    *map(outcomes.undone, (i for _, i, _ in done), payloads),
                    outcomes.failed(item, error, self._version),
                ]
            done.append((ctx, item, self._audit_change(ctx, item)))
            payloads.append(payload)
        for ctx, item, changed in done:
            if not changed:
                self._record(ctx, item, None, needed=True)
        if unit.changed:
            self._caller.before_change()
        problems: Mapping[str, Exception] = {}
        try:
            unit.commit()
        except Unfinished as unfinished:  # all of it happened: the items whose token call failed say so, nothing else
            problems = unfinished.problems
        answered = []
        for (ctx, item, changed), payload in zip(done, payloads, strict=True):
            problem = problems.get(ctx.touched) if item.operation in _FOLLOWED_UP else None
            if changed:
                self._record(ctx, item, problem)
            answered.append(
                outcomes.succeeded(item, payload) if problem is None else outcomes.failed(item, problem, self._version)
            )
        return answered

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
        if self._caller.granted is not None:
            if id(item) not in self._granted:
                self._granted[id(item)] = tickets.permit(self._services, self._caller.granted, item)
            ctx.granted = self._granted[id(item)]
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
            uid=ctx.touched[:IDENTIFIER_SHOWN_MAX],
            result="success" if error is None else "refused",
            reason=reason,
            peer=self._caller.peer,
            place=ctx.place,
        )


def _name(operation: Operation | int) -> str:
    return _NAMES.get(operation) or f"{int(operation):#x}"
