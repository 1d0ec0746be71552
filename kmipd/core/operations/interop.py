"""Interop (KMIP 2.1, 6.1.26): a tester says which case begins. "SHALL NOT be available in a production server"."""

from __future__ import annotations

from kmipd.core.services import Context
from kmipd.spec.payloads import InteropRequestPayload, InteropResponsePayload


def interop(_ctx: Context, _request: InteropRequestPayload) -> InteropResponsePayload:
    """Nothing is reset: every tester is a client of its own, and its objects are its own."""
    return InteropResponsePayload()
