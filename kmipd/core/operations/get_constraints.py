"""Get Constraints (KMIP 2.1, 6.1.22)."""

from __future__ import annotations

from kmipd.core import group_rules
from kmipd.core.services import Context
from kmipd.spec.payloads import GetConstraintsRequestPayload, GetConstraintsResponsePayload
from kmipd.spec.payloads.parts import Constraints


def get_constraints(ctx: Context, _request: GetConstraintsRequestPayload) -> GetConstraintsResponsePayload:
    return GetConstraintsResponsePayload(constraints=Constraints(constraint=group_rules.of(ctx).constraints))
