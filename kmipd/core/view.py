"""The attributes of an object as they are now: what is stored, and what is made up when somebody looks.

State follows the clock; Unique Identifier and Object Type are the object's own; the Digest of a resident key needs the
token, so it is computed only when it is asked for.
"""

from __future__ import annotations

from hashlib import sha256

from kmipd.core import attributes as attrs
from kmipd.core import digests, leases, vault
from kmipd.core.errors import KmipError, StoreNotConnected
from kmipd.core.lifecycle import effective_state
from kmipd.core.model import AttributeKey, AttributeSet, ManagedObject, Placement
from kmipd.core.services import Context
from kmipd.spec.enumerations import ResultReason
from kmipd.spec.tags import Tag

_SHORT_SIZE = 8  # bytes of the Short Unique Identifier


def all_of(ctx: Context, obj: ManagedObject, *, digest: bool) -> AttributeSet:
    """Every attribute a client of this version may see."""
    made_up = AttributeSet().put(Tag.UNIQUE_IDENTIFIER, obj.uid)
    made_up = made_up.put(Tag.SHORT_UNIQUE_IDENTIFIER, sha256(obj.uid.encode()).digest()[:_SHORT_SIZE])
    made_up = made_up.put(Tag.OBJECT_TYPE, obj.object_type)
    state = effective_state(obj, ctx.now)
    if state is not None:
        made_up = made_up.put(Tag.STATE, state)
    if obj.object_type not in leases.WITHOUT_LEASE:
        made_up = made_up.put(Tag.LEASE_TIME, leases.lease_time(ctx, obj))
    for key in obj.attributes:
        made_up = made_up.put_instances(key, obj.attributes.instances(key))
    if digest:
        made_up = with_digest(ctx, obj, made_up)
    return AttributeSet({k: made_up.instances(k) for k in made_up if attrs.visible(k, ctx.version)})


def with_digest(ctx: Context, obj: ManagedObject, made_up: AttributeSet) -> AttributeSet:
    """With the Digest of a resident key, unless it never leaves the token, or its store is not connected: what else is
    known of a key does not depend on its store."""
    if Tag.DIGEST in made_up or obj.placement is not Placement.RESIDENT or obj.destroy_pending:
        return made_up
    try:
        digest = digests.of_structure(ctx.services.codec, vault.structure_of(ctx, obj))
    except KmipError as error:
        if error.reason is ResultReason.NOT_EXTRACTABLE:
            return made_up
        raise
    except StoreNotConnected:
        return made_up
    return made_up.put(Tag.DIGEST, *digest)


def some_of(ctx: Context, obj: ManagedObject, keys: list[AttributeKey]) -> AttributeSet:
    """The named ones, in the order they were asked for; those the object does not have are left out."""
    everything = all_of(ctx, obj, digest=Tag.DIGEST in keys)
    return AttributeSet({k: everything.instances(k) for k in keys if k in everything})
