"""The schema is total: every structure of every version compiles and survives a round trip."""

from __future__ import annotations

import dataclasses
import typing
from concurrent.futures import ThreadPoolExecutor

import pytest

from kmipd.protocol import prepare
from kmipd.protocol.limits import DEFAULT_LIMITS
from kmipd.protocol.plan import Plan
from kmipd.protocol.schema import Newer, Schema, schema
from kmipd.spec import attribute_types, attributes, messages, objects
from kmipd.spec.history import in_version, introduced
from kmipd.spec.kinds import Item
from kmipd.spec.messages import RequestMessage, ResponseMessage
from kmipd.spec.operations import OPERATIONS
from kmipd.spec.payloads import parts
from kmipd.spec.tags import Tag
from kmipd.spec.versions import V1_4, V2_0, VERSIONS, Version

STRUCTURES = {
    cls
    for module in (attribute_types, attributes, messages, objects, parts)
    for cls in vars(module).values()
    if isinstance(cls, type)
    and dataclasses.is_dataclass(cls)
    and cls.__module__.startswith("kmipd.spec")
    and "Rule" not in cls.__name__
} | {payload for spec in OPERATIONS.values() for payload in (spec.request, spec.response)}
STRUCTURES -= {attributes.AttributeItem, messages.Undecodable, Item}  # these have no table of their own


@pytest.mark.parametrize("version", [None, *VERSIONS], ids=str)
@pytest.mark.parametrize("newer", Newer)
def test_every_structure_compiles(version: Version | None, newer: Newer) -> None:
    made = Schema(version, newer)
    for cls in STRUCTURES:
        plan = made.plan(typing.cast(type, cls))
        assert len({field.head for field in plan.fields if field.choice is None}) == len(
            [field for field in plan.fields if field.choice is None]
        ), cls


def test_declared_structures_nest_less_deep_than_the_limit() -> None:
    def depth(plan: Plan, seen: tuple[Plan, ...] = ()) -> int:
        assert plan not in seen, "a declaration that holds itself has no depth"
        return 1 + max((depth(field.plan, (*seen, plan)) for field in plan.fields if field.plan is not None), default=0)

    made = schema(None)
    assert max(depth(made.plan(typing.cast(type, cls))) for cls in STRUCTURES) < DEFAULT_LIMITS.nesting_depth_max // 2


@pytest.mark.parametrize("version", VERSIONS, ids=str)
def test_no_plan_of_a_version_has_a_tag_the_version_lacks(version: Version) -> None:
    made = schema(version)
    plans = [made.plan(RequestMessage), made.plan(ResponseMessage)]
    if version < V2_0:
        plans.append(made.plan(attributes.TemplateAttribute))
    for operation, spec in OPERATIONS.items():
        if introduced(operation) <= version:
            plans += [made.plan(spec.request), made.plan(spec.response)]
    seen: set[Plan] = set()
    while plans:
        plan = plans.pop()
        if plan in seen:
            continue
        seen.add(plan)
        for field in plan.fields:
            assert not field.tag or in_version(Tag(field.tag), version), (plan.name, field.name)
            if field.plan is not None:
                plans.append(field.plan)


def test_threads_may_share_a_schema() -> None:
    made = Schema(V1_4)
    with ThreadPoolExecutor(8) as pool:
        plans = list(pool.map(lambda _: made.plan(RequestMessage), range(16)))
    assert {len(plan.fields) for plan in plans} == {2}
    assert all(plan.fields[0].plan is not None and plan.fields[0].plan.fields for plan in plans)


def test_everything_can_be_made_ready_at_start() -> None:
    prepare()
    for version in VERSIONS:
        assert schema(version).plan(ResponseMessage).fields
