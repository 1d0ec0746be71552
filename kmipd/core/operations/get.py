"""Get (KMIP 1.4, 4.11; 2.1, 6.1.19)."""

from __future__ import annotations

from kmipd.core import release
from kmipd.core.services import Context
from kmipd.spec.payloads import GetRequestPayload, GetResponsePayload


def get(ctx: Context, request: GetRequestPayload) -> GetResponsePayload:
    obj = ctx.object(request.unique_identifier)
    structure = release.structure_for(ctx, obj, request)
    release.served(ctx, obj)
    return GetResponsePayload(object_type=obj.object_type, unique_identifier=obj.uid, managed_object=structure)
