"""Adjust Attribute (KMIP 2.1, 6.1.3): count an attribute up or down, or negate it, without knowing its value."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kmipd.core import attributes as attrs
from kmipd.core import changes
from kmipd.core.errors import KmipError
from kmipd.core.model import AttributeKey, CustomName
from kmipd.core.services import Context
from kmipd.spec.declare import DateTime, Interval
from kmipd.spec.enumerations import AdjustmentType, ResultReason
from kmipd.spec.kinds import Item, ItemType
from kmipd.spec.payloads import AdjustAttributeRequestPayload, AdjustAttributeResponsePayload
from kmipd.spec.tags import Tag

# What has a number to count with, and the numbers that fit it.
_RANGES: dict[ItemType, tuple[int, int]] = {
    ItemType.INTEGER: (-(2**31), 2**31 - 1),
    ItemType.LONG_INTEGER: (-(2**63), 2**63 - 1),
    ItemType.INTERVAL: (0, 2**32 - 1),
    ItemType.DATE_TIME: (-(2**63), 2**63 - 1),
}
_KINDS: dict[Any, ItemType] = {int: ItemType.INTEGER, Interval: ItemType.INTERVAL, DateTime: ItemType.DATE_TIME}
_ADJUSTED: dict[AdjustmentType, Callable[[int, int], int]] = {
    AdjustmentType.INCREMENT: lambda value, by: value + by,
    AdjustmentType.DECREMENT: lambda value, by: value - by,
    AdjustmentType.NEGATE: lambda value, _: -value,
}


def adjust_attribute(ctx: Context, request: AdjustAttributeRequestPayload) -> AdjustAttributeResponsePayload:
    obj = changes.changeable(ctx, request.unique_identifier)
    key = attrs.key_of_reference(request.attribute_reference)
    if key is None:
        raise KmipError(ResultReason.UNSUPPORTED_ATTRIBUTE, "the reference is not to an attribute")
    attrs.require_modifiable(key)
    present = obj.attributes.values(key)
    if len(present) > 1:
        raise KmipError(ResultReason.MULTI_VALUED_ATTRIBUTE, f"{obj.uid} has several instances of {attrs.title(key)}")
    value = _adjusted(key, present[0] if present else None, request)
    changes.check_value(ctx, obj, key, value)
    changes.store(ctx, obj, obj.attributes.put(key, value))
    return AdjustAttributeResponsePayload(unique_identifier=obj.uid)


def _adjusted(key: AttributeKey, value: Any, request: AdjustAttributeRequestPayload) -> Any:
    """An attribute that is not there is 0, or false."""
    if isinstance(key, CustomName):
        return _custom(key, value, request)
    kind = attrs.rule_of(key).type
    if kind is bool:
        if request.adjustment_type is not AdjustmentType.NEGATE:
            raise _no_number(key)
        return not value
    if kind not in _KINDS or (kind is DateTime and value is None):
        raise _no_number(key)
    return _number(key, _KINDS[kind], value or 0, request)


def _custom(key: CustomName, value: Item | None, request: AdjustAttributeRequestPayload) -> Item:
    kind = value.kind if value is not None else _kind_of_adjustment(request)
    before = 0 if value is None else value.value
    if kind is ItemType.BOOLEAN and request.adjustment_type is AdjustmentType.NEGATE:
        return Item(Tag.ATTRIBUTE_VALUE, kind, not before)
    if kind not in _RANGES or not isinstance(before, int):
        raise _no_number(key)
    return Item(Tag.ATTRIBUTE_VALUE, kind, _number(key, kind, before, request))


def _kind_of_adjustment(request: AdjustAttributeRequestPayload) -> ItemType:
    given = request.adjustment_value
    return ItemType.INTEGER if given is None else given.kind


def _number(key: AttributeKey, kind: ItemType, value: int, request: AdjustAttributeRequestPayload) -> int:
    given = request.adjustment_value
    by = 1 if given is None else given.value
    if not isinstance(by, int) or isinstance(by, bool):
        raise KmipError(ResultReason.INVALID_DATA_TYPE, f"{attrs.title(key)} is adjusted by a number")
    if kind is ItemType.DATE_TIME and request.adjustment_type is AdjustmentType.NEGATE:
        raise _no_number(key)
    adjust = _ADJUSTED.get(request.adjustment_type)
    if adjust is None:
        raise KmipError(ResultReason.INVALID_FIELD, "the Adjustment Type is not known")
    after = adjust(value, by)
    least, most = _RANGES[kind]
    if not least <= after <= most:
        raise KmipError(ResultReason.NUMERIC_RANGE, f"{attrs.title(key)} would be {after}, beyond its type")
    return after


def _no_number(key: AttributeKey) -> KmipError:
    return KmipError(ResultReason.INVALID_DATA_TYPE, f"{attrs.title(key)} cannot be adjusted so")
