"""Changing the attributes of an object (KMIP 1.4, 4.14 to 4.16; 2.1, 6.1.2, 6.1.3, 6.1.13, 6.1.33 and 6.1.51).

1.x means an instance by its index, 2.x by its current value; beyond that the rules are one: the table of the standard
says who may, and here is the state in which they still may.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from kmipd.core import attributes as attrs
from kmipd.core.creation import check_dates, claim_names
from kmipd.core.errors import KmipError
from kmipd.core.lifecycle import DESTROYED, effective_state, wrong_state
from kmipd.core.model import AttributeKey, AttributeSet, Instance, ManagedObject, Placement
from kmipd.core.services import Context
from kmipd.spec.attributes import Attribute, AttributeItem
from kmipd.spec.enumerations import ResultReason, State
from kmipd.spec.tags import Tag

# When a date may still be moved (the notes of the standard's attribute tables, KMIP 1.4, 3.24 to 3.27).
_MOVABLE_IN: dict[Tag, frozenset[State]] = {
    Tag.ACTIVATION_DATE: frozenset({State.PRE_ACTIVE}),
    Tag.PROCESS_START_DATE: frozenset({State.PRE_ACTIVE, State.ACTIVE}),
    Tag.PROTECT_STOP_DATE: frozenset({State.PRE_ACTIVE, State.ACTIVE}),
    Tag.DEACTIVATION_DATE: frozenset({State.PRE_ACTIVE, State.ACTIVE}),
}
_NOT_ONCE_PASSED = frozenset({Tag.PROCESS_START_DATE, Tag.PROTECT_STOP_DATE, Tag.DEACTIVATION_DATE})


def changeable(ctx: Context, given: Any) -> ManagedObject:
    obj = ctx.object(given)
    state = effective_state(obj, ctx.now)
    if state in DESTROYED:
        raise wrong_state(obj, "the change", state)
    return obj


def given(ctx: Context, attribute: Attribute | None, item: AttributeItem | None) -> tuple[AttributeKey, Any]:
    if attribute is not None:
        key, value = attrs.read_1x(attribute)
        require_sayable(ctx, key)
        return key, value
    if item is not None:
        return attrs.read_2x(item)
    raise KmipError(ResultReason.INVALID_MESSAGE, "the attribute is missing")


def require_sayable(ctx: Context, key: AttributeKey) -> None:
    """1.x answers repeat the attribute: one that the version cannot say is refused before anything changes."""
    if not attrs.visible(key, ctx.version):
        raise KmipError(ResultReason.UNSUPPORTED_ATTRIBUTE, f"{attrs.title(key)} is not in KMIP {ctx.version}")


def instance(obj: ManagedObject, key: AttributeKey, index: int | None, current: AttributeItem | None) -> Instance:
    """The instance meant: by value (2.x), by index (1.x), or the first."""
    present = obj.attributes.instances(key)
    if not present:
        raise KmipError(ResultReason.ATTRIBUTE_NOT_FOUND, f"{obj.uid} has no {attrs.title(key)}")
    if current is not None:
        _, wanted = attrs.read_2x(current)
        present = tuple(i for i in present if i.value == wanted)
    elif index is not None:
        present = tuple(i for i in present if i.index == index)
    if not present:
        raise KmipError(
            ResultReason.ATTRIBUTE_INSTANCE_NOT_FOUND, f"{obj.uid} has no such instance of {attrs.title(key)}"
        )
    return present[0]


def check_value(ctx: Context, obj: ManagedObject, key: AttributeKey, value: Any) -> None:
    if key not in obj.attributes:
        attrs.require_applicable(key, obj.object_type, ctx.version)
    if key is Tag.NAME:
        claim_names(ctx, obj.uid, obj.attributes.put(Tag.NAME, value))
    if isinstance(key, Tag) and key in _MOVABLE_IN:
        _check_date(ctx, obj, key)
        check_dates(obj.attributes.put(key, value))
    if key is Tag.USAGE_LIMITS:
        require_unused(obj)
    fixed = obj.placement is Placement.RESIDENT and not obj.attributes.get(Tag.EXTRACTABLE, True)
    if key is Tag.EXTRACTABLE and value and fixed:
        raise KmipError(ResultReason.PERMISSION_DENIED, f"{obj.uid} was made not extractable in its token")


def require_unused(obj: ManagedObject) -> None:
    """Usage Limits change, and go, only as long as nothing has been taken from them (1.4, 3.21)."""
    limits = obj.attributes.get(Tag.USAGE_LIMITS)
    if limits is not None and limits.usage_limits_count != limits.usage_limits_total:
        raise KmipError(ResultReason.PERMISSION_DENIED, f"the usage limits of {obj.uid} are in use")


def _check_date(ctx: Context, obj: ManagedObject, key: Tag) -> None:
    state = effective_state(obj, ctx.now)
    if state is not None and state not in _MOVABLE_IN[key]:
        raise wrong_state(obj, f"changing {attrs.title(key)}", state)
    passed = obj.attributes.get(key)
    if key in _NOT_ONCE_PASSED and passed is not None and passed <= ctx.now:
        raise KmipError(
            ResultReason.WRONG_KEY_LIFECYCLE_STATE, f"the {attrs.title(key)} of {obj.uid} has passed already"
        )


def prepared(key: AttributeKey, value: Any) -> Any:
    if key is Tag.USAGE_LIMITS:
        return replace(value, usage_limits_count=value.usage_limits_total)
    return value


def store(ctx: Context, obj: ManagedObject, changed: AttributeSet) -> None:
    if Tag.SENSITIVE in changed and not changed.get(Tag.SENSITIVE):
        changed = changed.put(Tag.ALWAYS_SENSITIVE, False)
    if changed.get(Tag.EXTRACTABLE, False):
        changed = changed.put(Tag.NEVER_EXTRACTABLE, False)
    ctx.unit.put(replace(obj, attributes=changed.put(Tag.LAST_CHANGE_DATE, ctx.now)))
