"""What a group of clients has laid down for the objects it makes: defaults and constraints (KMIP 2.1, 7.6 and 7.22).

Defaults fill in what a request leaves open. Of constraints, those that name an Object Group of the new object go before
those that name none; an object must satisfy one of them, if there are any for it (the standard leaves both open, and
TC-MD-24 sets 256 bits for one group beside 192 bits for everything).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kmipd.core import attributes as attrs
from kmipd.core.errors import KmipError
from kmipd.core.model import AttributeSet, ManagedObject
from kmipd.core.services import Context
from kmipd.spec.attributes import Attributes
from kmipd.spec.enumerations import ObjectType, ResultReason
from kmipd.spec.masks import CryptographicUsageMask, ProtectionStorageMask
from kmipd.spec.payloads.parts import Constraint, Constraints, DefaultsInformation, ObjectDefaults, ObjectGroups
from kmipd.spec.tags import Tag

DEFAULTS = "defaults"
CONSTRAINTS = "constraints"
RULES_MAX = 64  # every new object is held against them
_KINDS: dict[str, type[Any]] = {DEFAULTS: DefaultsInformation, CONSTRAINTS: Constraints}


@dataclass(frozen=True, slots=True)
class GroupRules:
    defaults: tuple[ObjectDefaults, ...] = ()
    constraints: tuple[Constraint, ...] = ()


_NONE = GroupRules()


def of(ctx: Context) -> GroupRules:
    """Of the client's group."""
    kept = ctx.unit.rules(ctx.principal.group)
    if not kept:
        return _NONE
    loaded = {kind: ctx.services.codec.load(_KINDS[kind], body) for kind, body in kept.items()}
    defaults, constraints = loaded.get(DEFAULTS), loaded.get(CONSTRAINTS)
    return GroupRules(
        () if defaults is None else defaults.object_defaults, () if constraints is None else constraints.constraint
    )


def lay_down(ctx: Context, kind: str, rules: DefaultsInformation | Constraints | None) -> None:
    """None, or an empty list, takes them away."""
    listed = _listed(rules)
    if len(listed) > RULES_MAX:
        raise KmipError(ResultReason.INVALID_FIELD, f"a group has {RULES_MAX} {kind} at most")
    for one in listed:
        _values(one.attributes)  # what is no attribute, or nobody's to set, is refused now and not at every Create
    ctx.unit.put_rules(ctx.principal.group, kind, ctx.services.codec.dump(rules) if listed else None)


def _listed(rules: DefaultsInformation | Constraints | None) -> tuple[ObjectDefaults | Constraint, ...]:
    if rules is None:
        return ()
    return rules.object_defaults if isinstance(rules, DefaultsInformation) else rules.constraint


def _values(attributes: Attributes | None) -> AttributeSet:
    return attrs.incoming((), attributes)


def filled_in(ctx: Context, object_type: ObjectType, wanted: AttributeSet) -> AttributeSet:
    """What the client asks for, over the defaults of its group."""
    for default in of(ctx).defaults:
        if _is_about(object_type, default) and _in_groups(wanted, default.object_groups):
            values = _values(default.attributes)
            for key in values:
                if key not in wanted:
                    wanted = wanted.put_instances(key, values.instances(key))
    return wanted


def require_satisfied(ctx: Context, obj: ManagedObject) -> None:
    about = [c for c in of(ctx).constraints if _is_about(obj.object_type, c)]
    named = [c for c in about if c.object_groups is not None and _in_groups(obj.attributes, c.object_groups)]
    binding = named or [c for c in about if c.object_groups is None]
    if binding and not any(_satisfies(obj.attributes, _values(c.attributes)) for c in binding):
        raise KmipError(ResultReason.CONSTRAINT_VIOLATION, "the object does not satisfy a constraint of its group")


def _is_about(object_type: ObjectType, rule: ObjectDefaults | Constraint) -> bool:
    types = () if rule.object_types is None else rule.object_types.object_type
    if isinstance(rule, ObjectDefaults) and rule.object_type is not None:
        types = (*types, rule.object_type)
    return not types or object_type in types


def _in_groups(attributes: AttributeSet, groups: ObjectGroups | None) -> bool:
    return groups is None or not set(attributes.values(Tag.OBJECT_GROUP)).isdisjoint(groups.object_group)


def _satisfies(attributes: AttributeSet, demanded: AttributeSet) -> bool:
    for key in demanded:
        allowed = demanded.values(key)
        present = attributes.values(key)
        if not present or not all(any(_fits(value, one) for one in allowed) for value in present):
            return False
    return True


def _fits(value: Any, allowed: Any) -> bool:
    """A mask may have no bit beyond the constraint's."""
    if isinstance(allowed, CryptographicUsageMask | ProtectionStorageMask):
        return not value & ~allowed
    return bool(value == allowed)
