"""Defaults and constraints of groups, as rows. What they say is `core.group_rules`'s to know."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import bindparam, delete, insert, select

from kmipd.registry.engine import Connections, Link
from kmipd.registry.prepared import Prepared
from kmipd.registry.service_tables import group_rules as gr

_OF = Prepared(select(gr.c.kind, gr.c.body).where(gr.c.group_name == bindparam("group")))
_REMOVE = Prepared(delete(gr).where(gr.c.group_name == bindparam("group"), gr.c.kind == bindparam("of_kind")))
_ADD = Prepared(insert(gr).values({c.name: bindparam(c.name) for c in gr.columns}))


class KeptRules:
    """What was read, good until somebody lays down other rules. Of one process; safe to use from many threads."""

    GROUPS_MAX = 1_000

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._kept: dict[str, tuple[int | None, Mapping[str, bytes]]] = {}

    def of(self, group: str) -> Mapping[str, bytes]:
        """By kind."""
        mark = self._connections.changes.rules_mark()  # before anything is read
        kept = self._kept.get(group)
        if kept is not None and mark is not None and kept[0] == mark:
            return kept[1]
        found = dict(_OF.run(self._connections.get(), {"group": group}).fetchall())
        if len(self._kept) >= self.GROUPS_MAX:
            self._kept.clear()
        self._kept[group] = mark, found
        return found


def put(link: Link, group: str, kind: str, body: bytes | None) -> None:
    """Within a transaction, which has announced it (`Changes.begin_rules`); None takes them away."""
    _REMOVE.run(link, {"group": group, "of_kind": kind})
    if body is not None:
        _ADD.run(link, {"group_name": group, "kind": kind, "body": body})
