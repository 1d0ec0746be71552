"""Modify Attribute (KMIP 1.4, 4.15; 2.1, 6.1.33): another value for an instance."""

from __future__ import annotations

from kmipd.core import attributes as attrs
from kmipd.core import changes
from kmipd.core.model import Instance
from kmipd.core.services import Context
from kmipd.spec.payloads import ModifyAttributeRequestPayload, ModifyAttributeResponsePayload


def modify_attribute(ctx: Context, request: ModifyAttributeRequestPayload) -> ModifyAttributeResponsePayload:
    obj = changes.changeable(ctx, request.unique_identifier)
    key, value = changes.given(ctx, request.attribute, request.new_attribute)
    attrs.require_modifiable(key)
    index = 0 if request.attribute is None else request.attribute.attribute_index or 0
    old = changes.instance(obj, key, index, request.current_attribute)
    changes.check_value(ctx, obj, key, value)
    new = Instance(old.index, changes.prepared(key, value))
    instances = tuple(new if i.index == old.index else i for i in obj.attributes.instances(key))
    changes.store(ctx, obj, obj.attributes.put_instances(key, instances))
    return ModifyAttributeResponsePayload(unique_identifier=obj.uid, attribute=attrs.to_1x(key, new))
