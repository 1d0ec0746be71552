"""Faults and events: what the cluster tells its administrators."""

from __future__ import annotations

import logging

from kmipd.cluster.clock import Clock, precise
from kmipd.cluster.store import Fault, Store, Unit

log = logging.getLogger(__name__)


class Notices:
    """Raises and resolves faults; one open fault per code and subject."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock

    def fault(self, code: str, subject: str, severity: str, details: str, kind: str = "cluster") -> None:
        """Raise a fault, or bring an open one up to date."""
        with self._store.unit() as unit:
            found = unit.faults.one(code=code, subject=subject, resolved=False)
            if found is not None:
                if (found.severity, found.details) != (severity, details):
                    unit.faults.update(found.id, severity=severity, details=details)
                return
            unit.faults.add(
                code=code,
                subject=subject,
                severity=severity,
                kind=kind,
                details=details,
                date=precise(self._clock()),
                resolved=False,
                resolved_date="",
            )
        log.warning("%s (%s, %s): %s", code, severity, subject, details)

    def resolve(self, code: str, subject: str) -> None:
        """The fault is over; nothing happens when there was none."""
        with self._store.unit() as unit:
            for found in unit.faults.all(code=code, subject=subject, resolved=False):
                unit.faults.update(found.id, resolved=True, resolved_date=precise(self._clock()))
                log.info("resolved: %s (%s)", code, subject)

    def open_faults(self, code: str) -> list[Fault]:
        with self._store.unit() as unit:
            return unit.faults.all(code=code, resolved=False)

    def event(self, unit: Unit, kind: str, message: str, details: str = "", severity: int = 0) -> None:
        """Record an event in the same transaction as what it tells about."""
        time = precise(self._clock())
        newest = unit.events.add(kind=kind, message=message, details=details, severity=severity, time=time)
        unit.trim_events(newest)
        log.info("%s: %s", kind, message)
