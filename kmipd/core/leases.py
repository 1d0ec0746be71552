"""Leases (KMIP 1.4, 3.20): seconds for which a client may use its copy of an object without asking again.

The server's part is to grant none for a key that must not be trusted, and none that outlives the key: what a client
was told at its last lease holds until that lease ends.
"""

from __future__ import annotations

from kmipd.core.errors import KmipError
from kmipd.core.lifecycle import effective_state, wrong_state
from kmipd.core.model import ManagedObject
from kmipd.core.services import Context
from kmipd.spec.enumerations import ObjectType, ResultReason, State
from kmipd.spec.tags import Tag

# A deactivated key still opens what it protected; a compromised one is not to be relied on (TC-95).
LEASED_IN = frozenset({State.PRE_ACTIVE, State.ACTIVE, State.DEACTIVATED})
WITHOUT_LEASE = frozenset({ObjectType.TEMPLATE, ObjectType.OPAQUE_OBJECT})


def lease_time(ctx: Context, obj: ManagedObject) -> int:
    """Seconds of the attribute Lease Time: the setting's, or up to the Deactivation Date when that comes earlier."""
    longest = ctx.services.settings.lease_time_seconds
    ends = obj.attributes.get(Tag.DEACTIVATION_DATE)
    return longest if ends is None or ends <= ctx.now else min(longest, ends - ctx.now)


def grantable(ctx: Context, obj: ManagedObject, action: str) -> int:
    """The lease that would be given now, in seconds; `KmipError` when there is none to give."""
    if obj.object_type in WITHOUT_LEASE:
        raise KmipError(ResultReason.ILLEGAL_OBJECT_TYPE, f"{action}: leases are for cryptographic objects")
    state = effective_state(obj, ctx.now)
    if state not in LEASED_IN:
        raise wrong_state(obj, action, state)
    return lease_time(ctx, obj)
