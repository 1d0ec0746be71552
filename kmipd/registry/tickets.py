"""Tickets, for every worker to count down. See `core.tickets.Tickets`."""

from __future__ import annotations

from typing import Any

from sqlalchemy import delete, func, insert, select, update

from kmipd.core.authentication_port import Issued
from kmipd.core.model import Principal
from kmipd.protocol import dump_structure, load_structure
from kmipd.registry.engine import Connections
from kmipd.registry.service_tables import ticket
from kmipd.registry.tables import client
from kmipd.spec.enumerations import UsageLimitsUnit
from kmipd.spec.payloads.parts import Rights


class SQLTickets:
    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def add(self, issued: Issued, live_max: int) -> bool:
        mine = (ticket.c.principal == issued.principal.name) & (ticket.c.group_name == issued.principal.group)
        with self._connections.transaction() as link:
            link.execute(delete(ticket).where(ticket.c.expires <= issued.created))
            if link.execute(select(func.count()).select_from(ticket).where(mine)).scalar_one() >= live_max:
                return False
            link.execute(insert(ticket).values(_row(issued)))
        return True

    def take(self, digest: bytes, now: int) -> Issued | None:
        known = (ticket.c.digest == digest, ticket.c.expires > now)
        revoked = select(client.c.name).where(client.c.name == ticket.c.principal, client.c.revoked.is_not(None))
        row: Any = self._connections.get().execute(select(ticket).where(*known, ~revoked.exists())).first()
        if row is None or row.requests is None:
            return None if row is None else _issued(row)
        # Counted in one statement: of two requests at the same time only one can be the last.
        counted = update(ticket).where(*known, ticket.c.requests > 0).values(requests=ticket.c.requests - 1)
        with self._connections.transaction() as link:
            left = link.execute(counted.returning(ticket.c.requests)).scalar()
        return _issued(row, requests=0 if left is None else left + 1)

    def spend(self, digest: bytes, units: int) -> bool:
        enough = (ticket.c.digest == digest, ticket.c.usage >= units)
        with self._connections.transaction() as link:
            spent = link.execute(update(ticket).where(*enough).values(usage=ticket.c.usage - units))
            return bool(spent.rowcount)

    def remove(self, digest: bytes, principal: Principal) -> bool:
        own = (ticket.c.principal == principal.name) & (ticket.c.group_name == principal.group)
        with self._connections.transaction() as link:
            return bool(link.execute(delete(ticket).where(ticket.c.digest == digest, own)).rowcount)


def _row(issued: Issued) -> dict[str, Any]:
    return {
        "digest": issued.digest,
        "principal": issued.principal.name,
        "group_name": issued.principal.group,
        "role": issued.principal.role,
        "created": issued.created,
        "expires": issued.expires,
        "requests": issued.requests,
        "usage": issued.usage,
        "usage_unit": None if issued.usage_unit is None else int(issued.usage_unit),
        "rights": None if issued.rights is None else dump_structure(Rights(right=issued.rights)),
    }


def _issued(row: Any, requests: int | None = None) -> Issued:
    return Issued(
        digest=row.digest,
        principal=Principal(row.principal, row.group_name, row.role),
        created=row.created,
        expires=row.expires,
        requests=requests,
        usage=row.usage,
        usage_unit=None if row.usage_unit is None else UsageLimitsUnit(row.usage_unit),
        rights=None if row.rights is None else load_structure(Rights, row.rights).right,
    )
