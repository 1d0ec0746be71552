"""Locate (KMIP 1.4, 4.9; 2.1, 6.1.29). No filter is ever ignored: one that cannot be applied is refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from kmipd.core import attributes as attrs
from kmipd.core import creation, object_groups
from kmipd.core.errors import KmipError
from kmipd.core.model import AttributeKey
from kmipd.core.operations import create
from kmipd.core.policy import covers, permits, visible_group
from kmipd.core.registry_port import Filter, LocateQuery, LocateResult, Match
from kmipd.core.services import Context
from kmipd.spec.declare import DateTime
from kmipd.spec.enumerations import ObjectGroupMember, ObjectType, Operation, ResultReason, State
from kmipd.spec.masks import StorageStatusMask
from kmipd.spec.payloads import LocateRequestPayload, LocateResponsePayload
from kmipd.spec.tags import Tag

_MASKS = frozenset({Tag.CRYPTOGRAPHIC_USAGE_MASK, Tag.PROTECTION_STORAGE_MASK})
_NOTHING = LocateResult((), 0)
# Each is a condition of one SQL statement, which SQLite limits to 1,000 and which takes minutes to put together when
# there are tens of thousands.
FILTERS_MAX = 64


def locate(ctx: Context, request: LocateRequestPayload) -> LocateResponsePayload:
    query = _query(ctx, request)
    found = _NOTHING if query is None else _member(ctx, query, request.object_group_member)
    ctx.placeholder.set_located(found.uids)
    return LocateResponsePayload(located_items=found.total, unique_identifier=found.uids)


def _member(ctx: Context, query: LocateQuery, member: ObjectGroupMember | None) -> LocateResult:
    """All that fit; of an Object Group perhaps its default member, or one that is made because none is fresh."""
    group = object_groups.named(query)
    if member == ObjectGroupMember.GROUP_MEMBER_DEFAULT and group is not None:
        members = _located(ctx, object_groups.everything(query)).uids
        owner = ctx.principal.group
        return object_groups.only(
            ctx.services.registry.default_members.next(owner, group, members) if members else None
        )
    found = _located(ctx, query)
    if member == ObjectGroupMember.GROUP_MEMBER_FRESH and not found.uids and not found.total:
        filled = ctx.services.settings.filled_groups
        name = object_groups.to_fill(query, filled)
        if name is not None and permits(ctx.principal, Operation.CREATE):
            wanted = filled[name].member(name)
            return object_groups.only(create.symmetric_key(ctx, wanted, creation.new_lineage(ctx), None).uid)
    return found


def _located(ctx: Context, query: LocateQuery) -> LocateResult:
    """What the ticket of the request does not cover is not there; seldom enough to look at every object."""
    granted = ctx.granted
    if granted is None or granted.relevant is None:
        return ctx.unit.locate(query)
    everything = ctx.unit.locate(replace(query, offset=0, limit=None)).uids
    seen = [u for u in everything if (obj := ctx.unit.get(u)) is not None and covers(granted, obj)]
    end = None if query.limit is None else query.offset + query.limit
    return LocateResult(tuple(seen[query.offset : end]), len(seen))


def _query(ctx: Context, request: LocateRequestPayload) -> LocateQuery | None:
    """None when nothing can match."""
    wanted = _wanted(request)
    if sum(map(len, wanted.values())) > FILTERS_MAX:
        raise KmipError(ResultReason.INVALID_FIELD, f"Locate takes {FILTERS_MAX} attributes at most")
    asked = wanted.pop(Tag.STATE, [])
    types = wanted.pop(Tag.OBJECT_TYPE, [])
    states = tuple(v for v in asked if isinstance(v, State))
    if (asked and not states) or not all(isinstance(v, ObjectType) for v in types):
        return None  # extensions of some vendor: no object has them
    leases = wanted.pop(Tag.LEASE_TIME, [])
    short = wanted.pop(Tag.SHORT_UNIQUE_IDENTIFIER, [])
    if short:
        raise KmipError(ResultReason.UNSUPPORTED_ATTRIBUTE, "objects cannot be located by Short Unique Identifier")
    if len(set(types)) > 1 or any(lease != ctx.services.settings.lease_time_seconds for lease in leases):
        return None
    if request.object_group_member == ObjectGroupMember.GROUP_MEMBER_FRESH:
        wanted.setdefault(Tag.FRESH, []).append(True)
    mask = request.storage_status_mask
    return LocateQuery(
        group=visible_group(ctx.principal),
        filters=tuple(f for key, values in wanted.items() for f in _filters(key, values)),
        states=states,
        object_type=types[0] if types else None,
        online=mask is None or bool(mask & StorageStatusMask.ON_LINE_STORAGE),
        archived=mask is not None and bool(mask & StorageStatusMask.ARCHIVAL_STORAGE),
        destroyed=mask is not None and bool(mask & StorageStatusMask.DESTROYED_STORAGE),
        now=ctx.now,
        offset=_count(request.offset_items, "Offset Items") or 0,
        limit=_count(request.maximum_items, "Maximum Items"),
    )


def _wanted(request: LocateRequestPayload) -> dict[AttributeKey, list[Any]]:
    listed = request.attribute
    if request.template_attribute is not None:
        if request.template_attribute.name:
            raise KmipError(ResultReason.FEATURE_NOT_SUPPORTED, "Locate does not search by the name of a template")
        listed += request.template_attribute.attribute
    pairs = [attrs.read_1x(a) for a in listed]
    if request.attributes is not None:
        pairs += [attrs.read_2x(i) for i in request.attributes.values]
    wanted: dict[AttributeKey, list[Any]] = {}
    for key, value in pairs:
        wanted.setdefault(key, []).append(value)
    return wanted


def _filters(key: AttributeKey, values: list[Any]) -> list[Filter]:
    """Two values of a date are the ends of a range (KMIP 1.4, 4.9)."""
    if isinstance(key, Tag) and attrs.rule_of(key).type is DateTime and len(values) > 1:
        if len(values) > 2:
            raise KmipError(ResultReason.INVALID_FIELD, f"{attrs.title(key)} is given more than twice")
        return [Filter(key, Match.AT_LEAST, min(values)), Filter(key, Match.AT_MOST, max(values))]
    match = Match.ALL_BITS if key in _MASKS else Match.EQUAL
    return [Filter(key, match, value) for value in values]


def _count(value: int | None, what: str) -> int | None:
    if value is not None and value < 0:
        raise KmipError(ResultReason.INVALID_FIELD, f"{what} cannot be negative")
    return value
