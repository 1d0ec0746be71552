"""Add Attribute (KMIP 1.4, 4.14; 2.1, 6.1.2): a further instance."""

from __future__ import annotations

from kmipd.core import attributes as attrs
from kmipd.core import changes
from kmipd.core.errors import KmipError
from kmipd.core.services import Context
from kmipd.spec.enumerations import ResultReason
from kmipd.spec.payloads import AddAttributeRequestPayload, AddAttributeResponsePayload
from kmipd.spec.tags import Tag


def add_attribute(ctx: Context, request: AddAttributeRequestPayload) -> AddAttributeResponsePayload:
    obj = changes.changeable(ctx, request.unique_identifier)
    key, value = changes.given(ctx, request.attribute, request.new_attribute)
    if request.attribute is not None and request.attribute.attribute_index:
        raise KmipError(ResultReason.INVALID_FIELD, "Add Attribute numbers the new instance itself")
    attrs.require_settable(key)
    if key in obj.attributes and not attrs.rule_of(key).multiple:
        raise KmipError(ResultReason.ATTRIBUTE_SINGLE_VALUED, f"{obj.uid} has {attrs.title(key)} already")
    if value in obj.attributes.values(key):
        reason = ResultReason.NON_UNIQUE_NAME_ATTRIBUTE if key is Tag.NAME else ResultReason.INVALID_ATTRIBUTE_VALUE
        raise KmipError(reason, f"{obj.uid} has this {attrs.title(key)} already")
    changes.check_value(ctx, obj, key, value)
    changed = obj.attributes.append(key, changes.prepared(key, value))
    changes.store(ctx, obj, changed)
    return AddAttributeResponsePayload(
        unique_identifier=obj.uid, attribute=attrs.to_1x(key, changed.instances(key)[-1])
    )
