"""Logout (2.1 §6.1.31)."""

from __future__ import annotations

from kmipd.spec.declare import structure
from kmipd.spec.objects import Ticket
from kmipd.spec.payloads.base import RequestPayload, ResponsePayload


@structure
class LogoutRequestPayload(RequestPayload):
    """Logout, request (2.1 §6.1.31)."""

    ticket: Ticket


@structure
class LogoutResponsePayload(ResponsePayload):
    """Logout, response (2.1 §6.1.31)."""
