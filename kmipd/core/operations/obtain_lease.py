"""Obtain Lease (KMIP 1.4, 4.17; 2.1, 6.1.35): for how long a client may use what it keeps of an object."""

from __future__ import annotations

from kmipd.core import leases
from kmipd.core.services import Context
from kmipd.spec.payloads import ObtainLeaseRequestPayload, ObtainLeaseResponsePayload
from kmipd.spec.tags import Tag


def obtain_lease(ctx: Context, request: ObtainLeaseRequestPayload) -> ObtainLeaseResponsePayload:
    obj = ctx.object(request.unique_identifier)
    return ObtainLeaseResponsePayload(
        unique_identifier=obj.uid,
        lease_time=leases.grantable(ctx, obj, "Obtain Lease"),
        last_change_date=obj.attributes.get(Tag.LAST_CHANGE_DATE),
    )
