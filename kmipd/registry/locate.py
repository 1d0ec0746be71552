"""Locate as SQL: exact, indexed, paged. One prepared statement for each shape of a query.

The most selective filter drives (a join on the index of values), every other one is checked on the rows it yields, so
the cost follows the result. SQLite's planner has no statistics of ours, hence the order is decided here.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Select,
    and_,
    bindparam,
    case,
    exists,
    false,
    func,
    or_,
    select,
)
from sqlalchemy.sql.expression import FromClause

from kmipd.core.model import CustomName
from kmipd.core.registry_port import Filter, LocateQuery, LocateResult, Match
from kmipd.registry.engine import Link
from kmipd.registry.prepared import Prepared
from kmipd.registry.rows import IndexEntry, index_entry
from kmipd.registry.tables import managed_object as mo
from kmipd.registry.tables import object_attribute as oa
from kmipd.spec.attributes import ATTRIBUTES
from kmipd.spec.declare import DateTime
from kmipd.spec.enumerations import State
from kmipd.spec.tags import Tag

_DEAD = (int(State.DESTROYED), int(State.DESTROYED_COMPROMISED))
_RANK = {Tag.UNIQUE_IDENTIFIER: 0, Tag.NAME: 1, Tag.APPLICATION_SPECIFIC_INFORMATION: 2, Tag.LINK: 2}
_COMPARE: dict[Match, Any] = {
    Match.EQUAL: lambda column, bound: column == bound,
    Match.ALL_BITS: lambda column, bound: column.bitwise_and(bound) == bound,
    Match.AT_LEAST: lambda column, bound: column >= bound,
    Match.AT_MOST: lambda column, bound: column <= bound,
}

Shape = tuple[Any, ...]
SHAPES_MAX = 1_000  # clients use a handful; one that tries out every combination must not fill the memory
_prepared: dict[Shape, Prepared] = {}


def effective_state() -> ColumnElement[int]:
    """The state now (bind `now`): dates move it, whether or not anybody has read the object since."""
    now: BindParameter[int] = bindparam("now")
    active_by_date = (mo.c.state == int(State.PRE_ACTIVE)) & (mo.c.activation_date <= now)
    over_by_date = mo.c.deactivation_date <= now
    return case(
        ((active_by_date | (mo.c.state == int(State.ACTIVE))) & over_by_date, int(State.DEACTIVATED)),
        (active_by_date, int(State.ACTIVE)),
        else_=mo.c.state,
    )


def run(link: Link, query: LocateQuery) -> LocateResult:
    ordered = sorted(query.filters, key=_rank)
    entries = [_entry(f) for f in ordered]
    values: dict[str, Any] = {"group": query.group, "now": query.now, "type": query.object_type}
    values |= {f"state{i}": int(s) for i, s in enumerate(query.states)}
    for i, entry in enumerate(entries):
        values[f"v{i}"] = entry.number if entry.digest is None else entry.digest
        values[f"a{i}"] = entry.attribute
    values["offset"] = query.offset
    values["limit"] = query.limit
    shape = _shape(query, ordered, entries)
    rows = _statement(shape, query, ordered, entries, count=False).run(link, values).fetchall()
    uids = tuple(row[0] for row in rows)
    if query.limit is None:
        return LocateResult(uids, len(uids) + query.offset if uids or not query.offset else None)
    if not query.offset and len(uids) < query.limit:
        return LocateResult(uids, len(uids))
    counted = _statement(shape, query, ordered, entries, count=True).run(link, values).fetchone()
    return LocateResult(uids, counted[0] if counted else 0)


def _rank(condition: Filter) -> int:
    if isinstance(condition.key, CustomName):
        return 2
    known = _RANK.get(condition.key)
    return known if known is not None else 3 if condition.match is Match.EQUAL else 4


def _entry(condition: Filter) -> IndexEntry:
    if condition.key is Tag.UNIQUE_IDENTIFIER:
        return IndexEntry(Tag.UNIQUE_IDENTIFIER, condition.value, None)
    return index_entry(condition.key, condition.value)


def _shape(query: LocateQuery, ordered: list[Filter], entries: list[IndexEntry]) -> Shape:
    kinds = tuple(
        (f.match, e.digest is None, f.key is Tag.UNIQUE_IDENTIFIER, _drives(f, e))
        for f, e in zip(ordered, entries, strict=True)
    )
    return (
        kinds,
        query.group is None,
        len(query.states),
        query.object_type is None,
        query.online,
        query.archived,
        query.destroyed,
        query.limit is None,
    )


def _statement(
    shape: Shape, query: LocateQuery, ordered: list[Filter], entries: list[IndexEntry], *, count: bool
) -> Prepared:
    key = (count, *shape)
    prepared = _prepared.get(key)
    if prepared is None:
        if len(_prepared) >= SHAPES_MAX:
            _prepared.clear()
        prepared = _prepared[key] = Prepared(_build(query, ordered, entries, count=count))
    return prepared


def _build(query: LocateQuery, ordered: list[Filter], entries: list[IndexEntry], *, count: bool) -> Select[Any]:
    source: FromClause = mo
    conditions: list[ColumnElement[bool]] = []
    for i, (condition, entry) in enumerate(zip(ordered, entries, strict=True)):
        if condition.key is Tag.UNIQUE_IDENTIFIER:
            conditions.append(mo.c.uid == bindparam(f"v{i}"))
        elif i == 0 and _drives(condition, entry):
            driver = oa.alias()
            source = driver.join(mo, mo.c.id == driver.c.object_id)
            conditions.append(_holds(driver, condition, entry, i))
        else:
            other = oa.alias()
            conditions.append(exists().where(other.c.object_id == mo.c.id, _holds(other, condition, entry, i)))
    if query.group is not None:
        # Without statistics a planner may start from the whole group; an expression has no index to start from.
        group = mo.c.group_name if source is mo else mo.c.group_name.concat("")
        conditions.append(group == bindparam("group"))
    if query.object_type is not None:
        conditions.append(mo.c.object_type == bindparam("type"))
    conditions.extend(_state_conditions(query))
    if count:
        return select(func.count(mo.c.id.distinct())).select_from(source).where(*conditions)
    statement = select(mo.c.uid).select_from(source).where(*conditions).order_by(mo.c.id.desc())
    if source is not mo and entries[0].digest is None:
        # Values with a digest stand once in an object; of numbers, several instances may fit one condition.
        statement = statement.distinct().add_columns(mo.c.id)
    if query.limit is not None:
        return statement.limit(bindparam("limit")).offset(bindparam("offset"))
    return statement.offset(bindparam("offset"))


def _drives(condition: Filter, entry: IndexEntry) -> bool:
    """Whether a filter is selective enough to begin with. "AES" or "256" is not: there the group's own order is better,
    since it can stop at Maximum Items."""
    return entry.digest is not None or (isinstance(condition.key, Tag) and ATTRIBUTES[condition.key].type is DateTime)


def _holds(source: Any, condition: Filter, entry: IndexEntry, i: int) -> ColumnElement[bool]:
    if entry.digest is not None:
        return source.c.digest == bindparam(f"v{i}")  # type: ignore[no-any-return]
    compared = _COMPARE[condition.match](source.c.number, bindparam(f"v{i}"))
    return (source.c.attribute == bindparam(f"a{i}")) & compared  # type: ignore[no-any-return]


def _state_conditions(query: LocateQuery) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    dead = or_(mo.c.placement == "gone", *(mo.c.state == state for state in _DEAD))
    alive = or_(mo.c.state.is_(None), and_(*(mo.c.state != state for state in _DEAD))) & (mo.c.placement != "gone")
    if query.online or query.archived:
        if not query.destroyed:
            conditions.append(alive)
        if not (query.online and query.archived):
            date = oa.alias()
            archived = exists().where(date.c.object_id == mo.c.id, date.c.attribute == int(Tag.ARCHIVE_DATE))
            wanted = archived if query.archived else ~archived
            conditions.append(or_(wanted, dead) if query.destroyed else wanted)
    else:
        conditions.append(dead if query.destroyed else false())
    if query.states:
        conditions.append(or_(*(effective_state() == bindparam(f"state{i}") for i in range(len(query.states)))))
    return conditions
