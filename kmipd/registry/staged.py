"""Locate while changes are staged (inside an Undo batch): what is stored, corrected by what is not yet.

Only such batches come here, so plain matching over the few staged objects is enough; the stored part keeps its indexes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from kmipd.core.lifecycle import effective_state
from kmipd.core.model import ManagedObject, Placement
from kmipd.core.registry_port import Filter, LocateQuery, LocateResult, Match
from kmipd.registry import locate as locating
from kmipd.registry.engine import Link
from kmipd.registry.rows import IndexEntry, index_entries, index_entry
from kmipd.spec.tags import Tag


def locate(link: Link, query: LocateQuery, staged: Mapping[str, ManagedObject]) -> LocateResult:
    stored = locating.run(link, replace(query, offset=0, limit=None)).uids
    matching = [u for u, obj in staged.items() if _matches(obj, query)]
    # The newest first, as what is stored comes: what is only staged is newer than all of it.
    uids = [u for u in reversed(matching) if u not in stored]
    uids += [u for u in stored if u not in staged or u in matching]
    end = None if query.limit is None else query.offset + query.limit
    return LocateResult(tuple(uids[query.offset : end]), len(uids))


def _matches(obj: ManagedObject, query: LocateQuery) -> bool:
    if query.group is not None and obj.group != query.group:
        return False
    if query.object_type is not None and obj.object_type != query.object_type:
        return False
    if query.states and effective_state(obj, query.now) not in query.states:
        return False
    if not _kept_where(obj, query):
        return False
    return all(_holds(obj, f) for f in query.filters)


def _kept_where(obj: ManagedObject, query: LocateQuery) -> bool:
    if obj.placement is Placement.GONE or obj.destroy_pending:
        return query.destroyed
    return query.archived if Tag.ARCHIVE_DATE in obj.attributes else query.online


def _holds(obj: ManagedObject, condition: Filter) -> bool:
    if condition.key is Tag.UNIQUE_IDENTIFIER:
        return bool(obj.uid == condition.value)
    wanted = index_entry(condition.key, condition.value)
    return any(_fits(entry, wanted, condition.match) for entry in index_entries(obj))


def _fits(entry: IndexEntry, wanted: IndexEntry, match: Match) -> bool:
    if wanted.digest is not None:
        return entry.digest == wanted.digest
    if entry.attribute != wanted.attribute or entry.number is None or wanted.number is None:
        return False
    return bool(_COMPARE[match](entry.number, wanted.number))


_COMPARE = {
    Match.EQUAL: lambda have, want: have == want,
    Match.ALL_BITS: lambda have, want: have & want == want,
    Match.AT_LEAST: lambda have, want: have >= want,
    Match.AT_MOST: lambda have, want: have <= want,
}
