"""Re-key Key Pair (KMIP 1.4, 4.5; 2.1, 6.1.46): the next version of both halves."""

from __future__ import annotations

from kmipd.core import creation, succession
from kmipd.core.errors import KmipError
from kmipd.core.model import ManagedObject
from kmipd.core.operations.create_key_pair import key_pair
from kmipd.core.services import Context
from kmipd.spec.enumerations import LinkType, ObjectType, ResultReason
from kmipd.spec.enumerations import UniqueIdentifierEnum as U
from kmipd.spec.payloads import ReKeyKeyPairRequestPayload, ReKeyKeyPairResponsePayload
from kmipd.spec.tags import Tag


def re_key_key_pair(ctx: Context, request: ReKeyKeyPairRequestPayload) -> ReKeyKeyPairResponsePayload:
    old_private = ctx.object(request.private_key_unique_identifier)
    succession.require_current(ctx, old_private, ObjectType.PRIVATE_KEY, "Re-key Key Pair")
    old_public = _other_half(ctx, old_private)
    common = creation.requested(ctx, request.common_template_attribute, attributes=request.common_attributes)
    private = creation.requested(ctx, request.private_key_template_attribute, attributes=request.private_key_attributes)
    public = creation.requested(ctx, request.public_key_template_attribute, attributes=request.public_key_attributes)
    halves = []
    for old, own in ((old_private, private), (old_public, public)):
        wished = creation.merged(common, own)
        wanted = creation.merged(succession.inherited(ctx, old, request.offset), wished)
        halves.append(succession.with_replaced_link(wanted, old))
        succession.give_up_names(ctx, old)
    lineage = creation.Lineage(key_id=old_private.key_id, version=old_private.key_version + 1)
    masks = request.private_protection_storage_masks or request.common_protection_storage_masks
    new_private, new_public = key_pair(ctx, halves[0], halves[1], lineage, masks)
    succession.hand_over(ctx, old_private, new_private.uid)
    succession.hand_over(ctx, old_public, new_public.uid)
    ctx.touched = new_private.uid
    ctx.placeholder.set(new_private.uid, U.RE_KEY_KEY_PAIR, U.RE_KEY_KEY_PAIR_PRIVATE_KEY)
    ctx.placeholder.also(new_public.uid, U.RE_KEY_KEY_PAIR_PUBLIC_KEY)
    return ReKeyKeyPairResponsePayload(
        private_key_unique_identifier=new_private.uid, public_key_unique_identifier=new_public.uid
    )


def _other_half(ctx: Context, private: ManagedObject) -> ManagedObject:
    for link in private.attributes.values(Tag.LINK):
        if link.link_type is LinkType.PUBLIC_KEY_LINK and isinstance(link.linked_object_identifier, str):
            return ctx.find(link.linked_object_identifier)
    raise KmipError(ResultReason.OBJECT_NOT_FOUND, f"{private.uid} has no Public Key Link")
