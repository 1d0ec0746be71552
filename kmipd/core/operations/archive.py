"""Archive (KMIP 1.4, 4.22; 2.1, 6.1.4): the object stays where it is and cannot be used until it is recovered."""

from __future__ import annotations

from dataclasses import replace

from kmipd.core.lifecycle import DESTROYED, effective_state, wrong_state
from kmipd.core.services import Context
from kmipd.spec.payloads import ArchiveRequestPayload, ArchiveResponsePayload
from kmipd.spec.tags import Tag


def archive(ctx: Context, request: ArchiveRequestPayload) -> ArchiveResponsePayload:
    """An object that is archived already is refused as archived (1.4, 11.23)."""
    obj = ctx.object(request.unique_identifier)
    state = effective_state(obj, ctx.now)
    if state in DESTROYED:
        raise wrong_state(obj, "Archive", state)
    attributes = obj.attributes.put_all({Tag.ARCHIVE_DATE: ctx.now, Tag.LAST_CHANGE_DATE: ctx.now})
    ctx.unit.put(replace(obj, attributes=attributes))
    return ArchiveResponsePayload(unique_identifier=obj.uid)
