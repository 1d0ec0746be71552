"""What operators do to key stores goes to the audit log too."""

from __future__ import annotations

import time

from kmipd.core.model import AuditEvent
from kmipd.registry import Registry

OPERATOR = "operator"  # whoever may run commands on the kmipd directory


def audit(registry: Registry, operation: str, what: str, *, principal: str = OPERATOR, reason: str = "") -> None:
    """Record `operation` on a store, a member or a key; with a `reason` it was refused or failed."""
    registry.record(
        AuditEvent(
            time=int(time.time()),
            principal=principal,
            group="",
            operation=operation,
            uid=what,
            result="refused" if reason else "success",
            reason=reason,
        )
    )
