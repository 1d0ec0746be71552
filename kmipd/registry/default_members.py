"""The default member of each object group: whose turn it was. One row a group that somebody asks for it."""

from __future__ import annotations

from sqlalchemy import delete, insert, select

from kmipd.core.object_groups import next_after
from kmipd.registry.engine import Connections
from kmipd.registry.service_tables import default_member as dm


class DefaultMembers:
    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def next(self, group: str, object_group: str, newest_first: tuple[str, ...]) -> str:
        """In a transaction of its own: of two clients that ask at the same time each gets another one."""
        row = (dm.c.group_name == group, dm.c.object_group == object_group)
        with self._connections.transaction() as link:
            chosen = next_after(link.execute(select(dm.c.uid).where(*row)).scalar(), newest_first)
            link.execute(delete(dm).where(*row))
            link.execute(insert(dm).values(group_name=group, object_group=object_group, uid=chosen))
        return chosen
