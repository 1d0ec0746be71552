"""Set Defaults (KMIP 2.1, 6.1.53): attributes of objects that the client's group makes. None takes them away."""

from __future__ import annotations

from kmipd.core import group_rules
from kmipd.core.services import Context
from kmipd.spec.payloads import SetDefaultsRequestPayload, SetDefaultsResponsePayload


def set_defaults(ctx: Context, request: SetDefaultsRequestPayload) -> SetDefaultsResponsePayload:
    group_rules.lay_down(ctx, group_rules.DEFAULTS, request.defaults_information)
    return SetDefaultsResponsePayload()
