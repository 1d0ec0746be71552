"""What the server says to a client that has taken the server's role (KMIP 1.4, 5; 2.1, 6.1.54 and 6.2).

Every change of an object of the client's group is in the registry's list of events, whichever worker made it. New
objects are Put, if their material may be given out; everything else is a Notify with the attributes as they are now.
A client that says in Query what it takes gets nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from kmipd.core import attributes as attrs
from kmipd.core import vault, view
from kmipd.core.errors import KmipError, StoreError
from kmipd.core.lifecycle import DESTROYED, effective_state
from kmipd.core.model import ManagedObject, Placement, Principal
from kmipd.core.policy import permits, sees
from kmipd.core.services import Context, Placeholder, Services
from kmipd.spec.enumerations import LinkType, Operation, PutFunction, QueryFunction, ResultStatus
from kmipd.spec.messages import ProtocolVersion, RequestBatchItem, RequestHeader, RequestMessage, ResponseMessage
from kmipd.spec.payloads import NotifyRequestPayload, PutRequestPayload, QueryRequestPayload, QueryResponsePayload
from kmipd.spec.tags import Tag
from kmipd.spec.versions import V1_3, V2_0, Version

MAKING = frozenset(
    operation.name
    for operation in (
        Operation.CREATE,
        Operation.CREATE_KEY_PAIR,
        Operation.REGISTER,
        Operation.IMPORT,
        Operation.DERIVE_KEY,
        Operation.RE_KEY,
        Operation.RE_KEY_KEY_PAIR,
        Operation.CREATE_SPLIT_KEY,
        Operation.JOIN_SPLIT_KEY,
        Operation.CERTIFY,
        Operation.RE_CERTIFY,
    )
)
EVENTS_MAX = 64  # read at a time; what is more waits for the next turn


class Outbox:
    """The messages of one channel, in the version in which it was asked for."""

    def __init__(self, services: Services, principal: Principal, version: Version) -> None:
        self._services = services
        self._principal = principal
        self._version = version
        self._last = services.registry.last_event()
        self._takes = frozenset({Operation.NOTIFY, Operation.PUT})

    def opening(self) -> RequestMessage | None:
        """The question what the client takes; servers ask since 1.3."""
        if self._version < V1_3:
            return None
        functions = (QueryFunction.QUERY_OPERATIONS,)
        return self._message(Operation.QUERY, QueryRequestPayload(query_function=functions))

    def learn(self, answer: ResponseMessage) -> None:
        """A client that does not answer Query is told everything."""
        for item in answer.batch_item:
            payload = item.response_payload
            if item.result_status is ResultStatus.SUCCESS and isinstance(payload, QueryResponsePayload):
                self._takes &= frozenset(payload.operation)

    def next(self) -> list[RequestMessage]:
        """What has happened since the last call."""
        events = self._services.registry.events_after(self._last, self._principal.group, EVENTS_MAX)
        if not events:
            return []
        self._last = events[-1][0]
        messages = (self._about(uid, made) for uid, made in _objects(events))
        return [message for message in messages if message is not None]

    def _about(self, uid: str, made: bool) -> RequestMessage | None:
        unit = self._services.registry.unit()
        ctx = Context(self._services, self._principal, self._version, unit, self._services.clock.now(), Placeholder())
        obj = unit.get(uid)
        if obj is None or not sees(self._principal, obj):
            return None
        payload: Any = None
        operation = Operation.PUT
        if made and Operation.PUT in self._takes and permits(self._principal, Operation.GET):
            payload = _put(ctx, obj)
        if payload is None and Operation.NOTIFY in self._takes:
            operation = Operation.NOTIFY
            payload = NotifyRequestPayload(unique_identifier=obj.uid, **_attributes(ctx, obj))
        return None if payload is None else self._message(operation, payload)

    def _message(self, operation: Operation, payload: Any) -> RequestMessage:
        return RequestMessage(
            request_header=RequestHeader(
                protocol_version=ProtocolVersion.of(self._version),
                time_stamp=self._services.clock.now(),
                batch_count=1,
            ),
            batch_item=(RequestBatchItem(operation=operation, request_payload=payload),),
        )


def _objects(events: Sequence[tuple[int, str, str]]) -> Iterable[tuple[str, bool]]:
    """Each object once, and whether it is new."""
    made: dict[str, bool] = {}
    for _, operation, uid in events:
        if uid:
            made[uid] = made.get(uid, False) or operation in MAKING
    return made.items()


def _put(ctx: Context, obj: ManagedObject) -> PutRequestPayload | None:
    """None for what is not given out: the client is told that it is there, and may ask for it."""
    stays = obj.attributes.get(Tag.SENSITIVE, False) or not obj.attributes.get(Tag.EXTRACTABLE, True)
    if stays or obj.placement is Placement.GONE or effective_state(obj, ctx.now) in DESTROYED:
        return None
    try:
        structure = vault.structure_of(ctx, obj)
    except (KmipError, StoreError):
        return None
    replaced = [
        link.linked_object_identifier
        for link in obj.attributes.values(Tag.LINK)
        if link.link_type is LinkType.REPLACED_OBJECT_LINK
    ]
    return PutRequestPayload(
        unique_identifier=obj.uid,
        put_function=PutFunction.REPLACE if replaced else PutFunction.NEW,
        replaced_unique_identifier=replaced[0] if replaced else None,
        managed_object=structure,
        **_attributes(ctx, obj),
    )


def _attributes(ctx: Context, obj: ManagedObject) -> dict[str, Any]:
    found = view.all_of(ctx, obj, digest=True)
    if ctx.version >= V2_0:
        return {"attributes": attrs.list_2x(found)}
    return {"attribute": attrs.list_1x(found)}
