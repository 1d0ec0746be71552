"""Ping (KMIP 2.1, 6.1.36)."""

from __future__ import annotations

from kmipd.core.services import Context
from kmipd.spec.payloads import PingRequestPayload, PingResponsePayload


def ping(_ctx: Context, _request: PingRequestPayload) -> PingResponsePayload:
    return PingResponsePayload()
