"""Defaults and constraints of groups, as rows. What they say is `core.group_rules`'s to know."""

from __future__ import annotations

from sqlalchemy import bindparam, delete, insert, select

from kmipd.registry.engine import Link
from kmipd.registry.prepared import Prepared
from kmipd.registry.service_tables import group_rules as gr

_OF = Prepared(select(gr.c.kind, gr.c.body).where(gr.c.group_name == bindparam("group")))
_REMOVE = Prepared(delete(gr).where(gr.c.group_name == bindparam("group"), gr.c.kind == bindparam("of_kind")))
_ADD = Prepared(insert(gr).values({c.name: bindparam(c.name) for c in gr.columns}))


def of(link: Link, group: str) -> dict[str, bytes]:
    """By kind."""
    return dict(_OF.run(link, {"group": group}).fetchall())


def put(link: Link, group: str, kind: str, body: bytes | None) -> None:
    """Within a transaction; None takes them away."""
    _REMOVE.run(link, {"group": group, "of_kind": kind})
    if body is not None:
        _ADD.run(link, {"group_name": group, "kind": kind, "body": body})
