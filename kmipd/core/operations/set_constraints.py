"""Set Constraints (KMIP 2.1, 6.1.52): what the objects that the client's group makes must be. None takes them away."""

from __future__ import annotations

from kmipd.core import group_rules
from kmipd.core.services import Context
from kmipd.spec.payloads import SetConstraintsRequestPayload, SetConstraintsResponsePayload


def set_constraints(ctx: Context, request: SetConstraintsRequestPayload) -> SetConstraintsResponsePayload:
    group_rules.lay_down(ctx, group_rules.CONSTRAINTS, request.constraints)
    return SetConstraintsResponsePayload()
