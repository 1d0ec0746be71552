"""Revoke (KMIP 1.4, 4.20; 2.1, 6.1.48)."""

from __future__ import annotations

from dataclasses import replace

from kmipd.core.lifecycle import Event, move
from kmipd.core.services import Context
from kmipd.spec.enumerations import RevocationReasonCode
from kmipd.spec.payloads import RevokeRequestPayload, RevokeResponsePayload
from kmipd.spec.tags import Tag

_COMPROMISE = frozenset({RevocationReasonCode.KEY_COMPROMISE, RevocationReasonCode.CA_COMPROMISE})


def revoke(ctx: Context, request: RevokeRequestPayload) -> RevokeResponsePayload:
    reason = request.revocation_reason
    compromised = reason.revocation_reason_code in _COMPROMISE
    obj = ctx.object(request.unique_identifier)
    obj = move(obj, Event.COMPROMISE if compromised else Event.DEACTIVATE, ctx.now)
    attributes = obj.attributes.put(Tag.REVOCATION_REASON, reason).put(Tag.LAST_CHANGE_DATE, ctx.now)
    if compromised:
        occurred = request.compromise_occurrence_date
        attributes = attributes.put(Tag.COMPROMISE_DATE, ctx.now)
        attributes = attributes.put(
            Tag.COMPROMISE_OCCURRENCE_DATE, occurred if occurred is not None else attributes.get(Tag.INITIAL_DATE)
        )
    else:
        attributes = attributes.put(Tag.DEACTIVATION_DATE, ctx.now)
    ctx.unit.put(replace(obj, attributes=attributes))
    return RevokeResponsePayload(unique_identifier=obj.uid)
