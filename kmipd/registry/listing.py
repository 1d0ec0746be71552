"""What is there, for people: summaries of objects without anything that opens them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, select

from kmipd.core.model import AuditEvent, ManagedObject
from kmipd.registry.engine import Link
from kmipd.registry.rows import from_row
from kmipd.registry.tables import audit_event, managed_object


def objects(link: Link, *, group: str | None, limit: int, offset: int = 0) -> Sequence[ManagedObject]:
    """Objects in the order they were made."""
    statement = select(managed_object).order_by(managed_object.c.id).limit(limit).offset(offset)
    if group is not None:
        statement = statement.where(managed_object.c.group_name == group)
    return [from_row(row) for row in link.execute(statement)]


def history(link: Link, uid: str) -> Sequence[AuditEvent]:
    """Every change of an object, oldest first."""
    statement = select(audit_event).where(audit_event.c.uid == uid).order_by(audit_event.c.id)
    return [_event(dict(row._mapping)) for row in link.execute(statement)]


def last_event(link: Link) -> int:
    return int(link.execute(select(func.coalesce(func.max(audit_event.c.id), 0))).scalar_one())


def events_after(link: Link, number: int, group: str, limit: int) -> Sequence[tuple[int, str, str]]:
    """Number, operation and object, oldest first."""
    columns = (audit_event.c.id, audit_event.c.operation, audit_event.c.uid)
    later = (audit_event.c.id > number, audit_event.c.group_name == group)
    rows = link.execute(select(*columns).where(*later).order_by(audit_event.c.id).limit(limit))
    return [(row.id, row.operation, row.uid) for row in rows]


def _event(values: dict[str, Any]) -> AuditEvent:
    values.pop("id")
    return AuditEvent(group=values.pop("group_name"), **values)
