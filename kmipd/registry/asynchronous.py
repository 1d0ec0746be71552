"""Asynchronous requests, for every worker to see. See `core.asynchronous.Requests`."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, delete, func, insert, select, update

from kmipd.core.asynchronous_port import Entry
from kmipd.core.model import Caller, Principal
from kmipd.registry.engine import Connections
from kmipd.registry.service_tables import asynchronous_request as ar
from kmipd.spec.enumerations import BatchErrorContinuationOption, Operation, ResultStatus
from kmipd.spec.versions import Version


class AsynchronousRequests:
    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def submit(self, entries: tuple[Entry, ...], outstanding_max: int) -> bool:
        mine = _of(entries[0].caller.principal)
        with self._connections.transaction() as link:
            counted = link.execute(select(func.count()).select_from(ar).where(mine, _outstanding())).scalar_one()
            if counted + len(entries) > outstanding_max:
                return False
            link.execute(insert(ar).values([_row(entry) for entry in entries]))
        return True

    def find(self, correlation: bytes) -> Entry | None:
        return next(iter(self._read(ar.c.correlation == correlation)), None)

    def of(self, principal: Principal) -> tuple[Entry, ...]:
        return self._read(_of(principal), _outstanding())

    def claim(self, batch: str, now: int) -> tuple[Entry, ...]:
        open_ones = (ar.c.batch == batch, ar.c.begun.is_(None), ar.c.cancelled.is_(False))
        with self._connections.transaction() as link:
            found = self._read(*open_ones)
            link.execute(update(ar).where(*open_ones).values(begun=now))
        return found

    def release(self, batch: str) -> None:
        self._change({"begun": None}, ar.c.batch == batch, ar.c.status.is_(None))

    def finish(self, correlation: bytes, status: ResultStatus, wrapping_key: bytes, sealed: bytes) -> None:
        values = {"status": int(status), "wrapping_key": wrapping_key, "sealed": sealed}
        self._change(values, ar.c.correlation == correlation)

    def cancel(self, correlation: bytes) -> bool:
        values = {"cancelled": True, "wrapping_key": None, "sealed": None}
        unbegun = (ar.c.correlation == correlation, ar.c.begun.is_(None), ar.c.cancelled.is_(False))
        return self._change(values, *unbegun) == 1

    def obtained(self, correlation: bytes) -> None:
        self._change({"obtained": True}, ar.c.correlation == correlation)

    def waiting(self, submitted_before: int) -> tuple[str, ...]:
        waits = (ar.c.begun.is_(None), ar.c.cancelled.is_(False), ar.c.submitted < submitted_before)
        rows = self._connections.get().execute(select(ar.c.batch).where(*waits).distinct())
        return tuple(rows.scalars())

    def tidy(self, *, submitted_before: int, begun_before: int) -> None:
        given_up = {"status": int(ResultStatus.OPERATION_FAILED), "wrapping_key": None, "sealed": None}
        self._change(given_up, ar.c.begun < begun_before, ar.c.status.is_(None))
        old = ar.c.submitted < submitted_before
        if self._read(old):
            with self._connections.transaction() as link:
                link.execute(delete(ar).where(old))

    def _read(self, *conditions: ColumnElement[bool]) -> tuple[Entry, ...]:
        statement = select(ar).where(*conditions).order_by(ar.c.submitted, ar.c.batch, ar.c.position)
        return tuple(map(_entry, self._connections.get().execute(statement)))

    def _change(self, values: dict[str, Any], *conditions: ColumnElement[bool]) -> int:
        with self._connections.transaction() as link:
            return int(link.execute(update(ar).where(*conditions).values(values)).rowcount)


def _of(principal: Principal) -> ColumnElement[bool]:
    return (ar.c.principal == principal.name) & (ar.c.group_name == principal.group)


def _outstanding() -> ColumnElement[bool]:
    return ar.c.obtained.is_(False) & ar.c.cancelled.is_(False)


def _row(entry: Entry) -> dict[str, Any]:
    principal = entry.caller.principal
    return {
        "correlation": entry.correlation,
        "batch": entry.batch,
        "position": entry.position,
        "principal": principal.name,
        "group_name": principal.group,
        "role": principal.role,
        "peer": entry.caller.peer,
        "operation": int(entry.operation),
        "major": entry.version.major,
        "minor": entry.version.minor,
        "continuation": None if entry.continuation is None else int(entry.continuation),
        "submitted": entry.submitted,
        "begun": None,
        "status": None,
        "cancelled": False,
        "obtained": False,
        "wrapping_key": entry.wrapping_key,
        "sealed": entry.sealed,
    }


def _entry(row: Any) -> Entry:
    return Entry(
        correlation=row.correlation,
        batch=row.batch,
        position=row.position,
        caller=Caller(Principal(row.principal, row.group_name, row.role), row.peer),
        operation=Operation(row.operation),
        version=Version(row.major, row.minor),
        continuation=None if row.continuation is None else BatchErrorContinuationOption(row.continuation),
        submitted=row.submitted,
        begun=row.begun,
        status=None if row.status is None else ResultStatus(row.status),
        cancelled=bool(row.cancelled),
        obtained=bool(row.obtained),
        wrapping_key=row.wrapping_key or b"",
        sealed=row.sealed or b"",
    )
