"""Delete Attribute (KMIP 1.4, 4.16; 2.1, 6.1.13)."""

from __future__ import annotations

from kmipd.core import attributes as attrs
from kmipd.core import changes
from kmipd.core.errors import KmipError
from kmipd.core.model import AttributeKey
from kmipd.core.services import Context
from kmipd.spec.enumerations import ResultReason
from kmipd.spec.payloads import DeleteAttributeRequestPayload, DeleteAttributeResponsePayload
from kmipd.spec.tags import Tag


def delete_attribute(ctx: Context, request: DeleteAttributeRequestPayload) -> DeleteAttributeResponsePayload:
    obj = changes.changeable(ctx, request.unique_identifier)
    key = _named(request)
    if request.attribute_name is not None:
        changes.require_sayable(ctx, key)
    rule = attrs.rule_of(key)
    if not rule.deletable_by_client:
        raise attrs.read_only(key)
    if key is Tag.USAGE_LIMITS:
        changes.require_unused(obj)
    if request.attribute_reference is not None:
        changes.instance(obj, key, None, None)
        changes.store(ctx, obj, obj.attributes.put(key))
        return DeleteAttributeResponsePayload(unique_identifier=obj.uid)
    gone = changes.instance(obj, key, request.attribute_index or 0, request.current_attribute)
    left = tuple(i for i in obj.attributes.instances(key) if i.index != gone.index)
    changes.store(ctx, obj, obj.attributes.put_instances(key, left))
    return DeleteAttributeResponsePayload(unique_identifier=obj.uid, attribute=attrs.to_1x(key, gone))


def _named(request: DeleteAttributeRequestPayload) -> AttributeKey:
    if request.attribute_name is not None:
        return attrs.key_of_name(request.attribute_name)
    if request.current_attribute is not None:
        return attrs.key_of_item(request.current_attribute)
    key = None if request.attribute_reference is None else attrs.key_of_reference(request.attribute_reference)
    if key is None:
        raise KmipError(ResultReason.INVALID_MESSAGE, "the attribute to delete is missing")
    return key
