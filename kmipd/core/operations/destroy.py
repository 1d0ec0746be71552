"""Destroy (KMIP 1.4, 4.21; 2.1, 6.1.14): the material goes, a tombstone stays and still answers Get Attributes.

The row is marked first, so that nothing uses the key from then on; the answer waits until the token has confirmed. If
it does not, the mark stays and recovery asks again: a destroyed key is never usable, whatever the token does.
"""

from __future__ import annotations

from dataclasses import replace

from kmipd.core import recovery, vault, view
from kmipd.core.errors import KmipError, StoreError
from kmipd.core.lifecycle import Event, move
from kmipd.core.model import AttributeSet, ManagedObject, Placement
from kmipd.core.services import Context
from kmipd.spec.payloads import DestroyRequestPayload, DestroyResponsePayload
from kmipd.spec.tags import Tag


def destroy(ctx: Context, request: DestroyRequestPayload) -> DestroyResponsePayload:
    obj = move(ctx.object(request.unique_identifier), Event.DESTROY, ctx.now)
    attributes = _remembered(ctx, obj).put(Tag.DESTROY_DATE, ctx.now).put(Tag.LAST_CHANGE_DATE, ctx.now)
    obj = replace(obj, attributes=attributes)
    ctx.unit.put(_marked(ctx, obj) if obj.placement is Placement.RESIDENT else recovery.tombstone(obj))
    return DestroyResponsePayload(unique_identifier=obj.uid)


def _remembered(ctx: Context, obj: ManagedObject) -> AttributeSet:
    """The Digest outlives the material; that of a resident key is computed when it is read, so now or never."""
    try:
        return view.with_digest(ctx, obj, obj.attributes)
    except (KmipError, StoreError):
        return obj.attributes  # a token that cannot say it must not keep the key from being destroyed


def _marked(ctx: Context, obj: ManagedObject) -> ManagedObject:
    def finish() -> None:
        vault.destroy(ctx, obj)
        recovery.finish_destroy(ctx.services, obj.uid)

    ctx.unit.after_commit(finish, obj.uid)
    return replace(obj, destroy_pending=True)
