"""Activate (KMIP 1.4, 4.19; 2.1, 6.1.1)."""

from __future__ import annotations

from dataclasses import replace

from kmipd.core.lifecycle import Event, move
from kmipd.core.services import Context
from kmipd.spec.payloads import ActivateRequestPayload, ActivateResponsePayload
from kmipd.spec.tags import Tag


def activate(ctx: Context, request: ActivateRequestPayload) -> ActivateResponsePayload:
    obj = move(ctx.object(request.unique_identifier), Event.ACTIVATE, ctx.now)
    attributes = obj.attributes.put(Tag.ACTIVATION_DATE, ctx.now).put(Tag.LAST_CHANGE_DATE, ctx.now)
    ctx.unit.put(replace(obj, attributes=attributes))
    return ActivateResponsePayload(unique_identifier=obj.uid)
