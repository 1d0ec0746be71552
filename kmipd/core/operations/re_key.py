"""Re-key (KMIP 1.4, 4.4; 2.1, 6.1.45): the next version of a symmetric key."""

from __future__ import annotations

from kmipd.core import creation, succession
from kmipd.core.operations.create import symmetric_key
from kmipd.core.services import Context
from kmipd.spec.enumerations import ObjectType
from kmipd.spec.enumerations import UniqueIdentifierEnum as U
from kmipd.spec.payloads import ReKeyRequestPayload, ReKeyResponsePayload


def re_key(ctx: Context, request: ReKeyRequestPayload) -> ReKeyResponsePayload:
    old = ctx.object(request.unique_identifier)
    succession.require_current(ctx, old, ObjectType.SYMMETRIC_KEY, "Re-key")
    wished = creation.requested(ctx, request.template_attribute, attributes=request.attributes)
    wanted = creation.merged(succession.inherited(ctx, old, request.offset), wished)
    succession.give_up_names(ctx, old)
    lineage = creation.Lineage(key_id=old.key_id, version=old.key_version + 1)
    new = symmetric_key(ctx, succession.with_replaced_link(wanted, old), lineage, request.protection_storage_masks)
    succession.hand_over(ctx, old, new.uid)
    ctx.touched = new.uid
    ctx.placeholder.set(new.uid, U.RE_KEY)
    return ReKeyResponsePayload(unique_identifier=new.uid)
