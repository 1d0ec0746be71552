"""Set Attribute (KMIP 2.1, 6.1.51): add it or replace it; only for attributes of one instance."""

from __future__ import annotations

from kmipd.core import attributes as attrs
from kmipd.core import changes
from kmipd.core.errors import KmipError
from kmipd.core.services import Context
from kmipd.spec.enumerations import ResultReason
from kmipd.spec.payloads import SetAttributeRequestPayload, SetAttributeResponsePayload
from kmipd.spec.tags import Tag


def set_attribute(ctx: Context, request: SetAttributeRequestPayload) -> SetAttributeResponsePayload:
    obj = changes.changeable(ctx, request.unique_identifier)
    key, value = attrs.read_2x(request.new_attribute)
    attrs.require_modifiable(key)
    if len(obj.attributes.instances(key)) > 1 or (isinstance(key, Tag) and attrs.rule_of(key).multiple):
        raise KmipError(ResultReason.MULTI_VALUED_ATTRIBUTE, f"{attrs.title(key)} may have several instances")
    changes.check_value(ctx, obj, key, value)
    changes.store(ctx, obj, obj.attributes.put(key, changes.prepared(key, value)))
    return SetAttributeResponsePayload(unique_identifier=obj.uid)
