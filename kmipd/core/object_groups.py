"""Members of Object Groups that the server picks or makes (KMIP 1.4, 4.9).

The default member of a group is the next one of its on-line members, oldest first, round and round. Groups that the
settings describe never run out of fresh members: when Locate finds none, one is made.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from kmipd.core.model import AttributeSet
from kmipd.core.registry_port import Filter, LocateQuery, LocateResult
from kmipd.spec.enumerations import CryptographicAlgorithm
from kmipd.spec.masks import CryptographicUsageMask
from kmipd.spec.tags import Tag


@dataclass(frozen=True, slots=True, kw_only=True)
class FilledGroup:
    """The symmetric keys of a group that the server fills."""

    algorithm: CryptographicAlgorithm = CryptographicAlgorithm.AES
    length: int = 256  # bits
    usage: CryptographicUsageMask = CryptographicUsageMask.ENCRYPT | CryptographicUsageMask.DECRYPT

    def member(self, name: str) -> AttributeSet:
        """What a new one is asked to be."""
        return AttributeSet().put_all(
            {
                Tag.CRYPTOGRAPHIC_ALGORITHM: self.algorithm,
                Tag.CRYPTOGRAPHIC_LENGTH: self.length,
                Tag.CRYPTOGRAPHIC_USAGE_MASK: self.usage,
                Tag.OBJECT_GROUP: name,
            }
        )


def named(query: LocateQuery) -> str | None:
    """The one Object Group a query is about."""
    names = [f.value for f in query.filters if f.key is Tag.OBJECT_GROUP]
    return names[0] if len(names) == 1 else None


def to_fill(query: LocateQuery, filled: Mapping[str, FilledGroup]) -> str | None:
    """The group of which a new member would be what the query looks for: nothing is made for any other."""
    name = named(query)
    only_fresh = all(_is_of_a_new_member(f) for f in query.filters)
    return name if name in filled and only_fresh and query.online and not query.states else None


def _is_of_a_new_member(condition: Filter) -> bool:
    return condition.key in (Tag.OBJECT_GROUP, Tag.FRESH)


def everything(query: LocateQuery) -> LocateQuery:
    """The query without its page."""
    return replace(query, offset=0, limit=None)


def next_after(last: str | None, newest_first: tuple[str, ...]) -> str:
    """Whose turn it is."""
    members = newest_first[::-1]
    return members[(members.index(last) + 1) % len(members)] if last in members else members[0]


def only(uid: str | None) -> LocateResult:
    return LocateResult((), 0) if uid is None else LocateResult((uid,), 1)
