"""Add, Modify, Delete and Set Attribute (KMIP 1.4, 4.14 to 4.16; 2.1, 6.1.2, 6.1.12, 6.1.33, 6.1.51).

1.x means an instance by its index, 2.x by its current value; beyond that the rules are one.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from kmipd.core import attributes as attrs
from kmipd.core.creation import claim_names
from kmipd.core.errors import KmipError
from kmipd.core.lifecycle import DESTROYED, effective_state, wrong_state
from kmipd.core.model import AttributeKey, AttributeSet, Instance, ManagedObject, Placement
from kmipd.core.services import Context
from kmipd.spec import payloads as p
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


def add_attribute(ctx: Context, request: p.AddAttributeRequestPayload) -> p.AddAttributeResponsePayload:
    obj = _changeable(ctx, request.unique_identifier)
    key, value = _given(ctx, request.attribute, request.new_attribute)
    if request.attribute is not None and request.attribute.attribute_index:
        raise KmipError(ResultReason.INVALID_FIELD, "Add Attribute numbers the new instance itself")
    attrs.require_settable(key)
    if key in obj.attributes and not attrs.rule_of(key).multiple:
        raise KmipError(ResultReason.ATTRIBUTE_SINGLE_VALUED, f"{obj.uid} has {attrs.title(key)} already")
    if value in obj.attributes.values(key):
        reason = ResultReason.NON_UNIQUE_NAME_ATTRIBUTE if key is Tag.NAME else ResultReason.INVALID_ATTRIBUTE_VALUE
        raise KmipError(reason, f"{obj.uid} has this {attrs.title(key)} already")
    _check_value(ctx, obj, key, value)
    changed = obj.attributes.append(key, _prepared(key, value))
    _store(ctx, obj, changed)
    return p.AddAttributeResponsePayload(unique_identifier=obj.uid, attribute=_echo(key, changed.instances(key)[-1]))


def modify_attribute(ctx: Context, request: p.ModifyAttributeRequestPayload) -> p.ModifyAttributeResponsePayload:
    obj = _changeable(ctx, request.unique_identifier)
    key, value = _given(ctx, request.attribute, request.new_attribute)
    attrs.require_modifiable(key)
    index = 0 if request.attribute is None else request.attribute.attribute_index or 0
    old = _instance(obj, key, index, request.current_attribute)
    _check_value(ctx, obj, key, value)
    new = Instance(old.index, _prepared(key, value))
    instances = tuple(new if i.index == old.index else i for i in obj.attributes.instances(key))
    _store(ctx, obj, obj.attributes.put_instances(key, instances))
    return p.ModifyAttributeResponsePayload(unique_identifier=obj.uid, attribute=_echo(key, new))


def set_attribute(ctx: Context, request: p.SetAttributeRequestPayload) -> p.SetAttributeResponsePayload:
    """Add it or replace it; only for attributes of one instance (2.1, 6.1.51)."""
    obj = _changeable(ctx, request.unique_identifier)
    key, value = attrs.read_2x(request.new_attribute)
    attrs.require_modifiable(key)
    if len(obj.attributes.instances(key)) > 1 or (isinstance(key, Tag) and attrs.rule_of(key).multiple):
        raise KmipError(ResultReason.MULTI_VALUED_ATTRIBUTE, f"{attrs.title(key)} may have several instances")
    _check_value(ctx, obj, key, value)
    _store(ctx, obj, obj.attributes.put(key, _prepared(key, value)))
    return p.SetAttributeResponsePayload(unique_identifier=obj.uid)


def delete_attribute(ctx: Context, request: p.DeleteAttributeRequestPayload) -> p.DeleteAttributeResponsePayload:
    obj = _changeable(ctx, request.unique_identifier)
    key = _named(request)
    if request.attribute_name is not None:
        _require_sayable(ctx, key)
    rule = attrs.rule_of(key)
    if not rule.deletable_by_client:
        raise attrs.read_only(key)
    if request.attribute_reference is not None:
        _instance(obj, key, None, None)
        _store(ctx, obj, obj.attributes.put(key))
        return p.DeleteAttributeResponsePayload(unique_identifier=obj.uid)
    gone = _instance(obj, key, request.attribute_index or 0, request.current_attribute)
    left = tuple(i for i in obj.attributes.instances(key) if i.index != gone.index)
    _store(ctx, obj, obj.attributes.put_instances(key, left))
    return p.DeleteAttributeResponsePayload(unique_identifier=obj.uid, attribute=_echo(key, gone))


def _changeable(ctx: Context, given: Any) -> ManagedObject:
    obj = ctx.object(given)
    state = effective_state(obj, ctx.now)
    if state in DESTROYED:
        raise wrong_state(obj, "the change", state)
    return obj


def _given(ctx: Context, attribute: Attribute | None, item: AttributeItem | None) -> tuple[AttributeKey, Any]:
    if attribute is not None:
        key, value = attrs.read_1x(attribute)
        _require_sayable(ctx, key)
        return key, value
    if item is not None:
        return attrs.read_2x(item)
    raise KmipError(ResultReason.INVALID_MESSAGE, "the attribute is missing")


def _named(request: p.DeleteAttributeRequestPayload) -> AttributeKey:
    if request.attribute_name is not None:
        return attrs.key_of_name(request.attribute_name)
    if request.current_attribute is not None:
        return attrs.key_of_item(request.current_attribute)
    key = None if request.attribute_reference is None else attrs.key_of_reference(request.attribute_reference)
    if key is None:
        raise KmipError(ResultReason.INVALID_MESSAGE, "the attribute to delete is missing")
    return key


def _require_sayable(ctx: Context, key: AttributeKey) -> None:
    """1.x answers repeat the attribute: one that the version cannot say is refused before anything changes."""
    if not attrs.visible(key, ctx.version):
        raise KmipError(ResultReason.UNSUPPORTED_ATTRIBUTE, f"{attrs.title(key)} is not in KMIP {ctx.version}")


def _instance(obj: ManagedObject, key: AttributeKey, index: int | None, current: AttributeItem | None) -> Instance:
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


def _check_value(ctx: Context, obj: ManagedObject, key: AttributeKey, value: Any) -> None:
    if key is Tag.NAME:
        claim_names(ctx, obj.uid, obj.attributes.put(Tag.NAME, value))
    if isinstance(key, Tag) and key in _MOVABLE_IN:
        _check_date(ctx, obj, key)
    if key is Tag.USAGE_LIMITS:
        limits = obj.attributes.get(key)
        if limits is not None and limits.usage_limits_count != limits.usage_limits_total:
            raise KmipError(ResultReason.PERMISSION_DENIED, f"the usage limits of {obj.uid} are in use")
    fixed = obj.placement is Placement.RESIDENT and not obj.attributes.get(Tag.EXTRACTABLE, True)
    if key is Tag.EXTRACTABLE and value and fixed:
        raise KmipError(ResultReason.PERMISSION_DENIED, f"{obj.uid} was made not extractable in its token")


def _check_date(ctx: Context, obj: ManagedObject, key: Tag) -> None:
    state = effective_state(obj, ctx.now)
    if state is not None and state not in _MOVABLE_IN[key]:
        raise wrong_state(obj, f"changing {attrs.title(key)}", state)
    passed = obj.attributes.get(key)
    if key in _NOT_ONCE_PASSED and passed is not None and passed <= ctx.now:
        raise KmipError(
            ResultReason.WRONG_KEY_LIFECYCLE_STATE, f"the {attrs.title(key)} of {obj.uid} has passed already"
        )


def _prepared(key: AttributeKey, value: Any) -> Any:
    if key is Tag.USAGE_LIMITS:
        return replace(value, usage_limits_count=value.usage_limits_total)
    return value


def _store(ctx: Context, obj: ManagedObject, changed: AttributeSet) -> None:
    if Tag.SENSITIVE in changed and not changed.get(Tag.SENSITIVE):
        changed = changed.put(Tag.ALWAYS_SENSITIVE, False)
    if changed.get(Tag.EXTRACTABLE, False):
        changed = changed.put(Tag.NEVER_EXTRACTABLE, False)
    ctx.unit.put(replace(obj, attributes=changed.put(Tag.LAST_CHANGE_DATE, ctx.now)))


def _echo(key: AttributeKey, instance: Instance) -> Attribute:
    return attrs.to_1x(key, instance)
