"""Recover (KMIP 1.4, 4.23; 2.1, 6.1.42): an archived object is on line again, and forgets its Archive Date (3.32)."""

from __future__ import annotations

from dataclasses import replace

from kmipd.core.services import Context
from kmipd.spec.payloads import RecoverRequestPayload, RecoverResponsePayload
from kmipd.spec.tags import Tag


def recover(ctx: Context, request: RecoverRequestPayload) -> RecoverResponsePayload:
    """An object that is on line is left as it is: the request may be a repetition."""
    obj = ctx.object(request.unique_identifier, archived_too=True)
    if Tag.ARCHIVE_DATE in obj.attributes:
        attributes = obj.attributes.put(Tag.ARCHIVE_DATE).put(Tag.LAST_CHANGE_DATE, ctx.now)
        ctx.unit.put(replace(obj, attributes=attributes))
    return RecoverResponsePayload(unique_identifier=obj.uid)
