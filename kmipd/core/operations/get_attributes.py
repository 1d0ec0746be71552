"""Get Attributes and Get Attribute List (KMIP 1.4, 4.12 and 4.13; 2.1, 6.1.20 and 6.1.21)."""

from __future__ import annotations

from typing import Any

from kmipd.core import attributes as attrs
from kmipd.core import view
from kmipd.core.errors import KmipError
from kmipd.core.model import AttributeKey, AttributeSet, CustomName
from kmipd.core.services import Context
from kmipd.spec.attributes import VendorAttributeReference
from kmipd.spec.enumerations import ResultReason
from kmipd.spec.payloads import (
    GetAttributeListRequestPayload,
    GetAttributeListResponsePayload,
    GetAttributesRequestPayload,
    GetAttributesResponsePayload,
)
from kmipd.spec.versions import V2_0


def get_attributes(ctx: Context, request: GetAttributesRequestPayload) -> GetAttributesResponsePayload:
    obj = ctx.object(request.unique_identifier, archived_too=True)
    keys = _keys(request)
    found = view.all_of(ctx, obj, digest=True) if keys is None else view.some_of(ctx, obj, keys)
    return GetAttributesResponsePayload(unique_identifier=obj.uid, **_listed(ctx, found))


def _keys(request: GetAttributesRequestPayload) -> list[AttributeKey] | None:
    """None: all of them. A name that nobody has is simply not in the answer (KMIP 1.4, 4.12)."""
    if not request.attribute_name and not request.attribute_reference:
        return None
    for asked in (request.attribute_name, request.attribute_reference):
        if len(set(asked)) != len(asked):
            raise KmipError(ResultReason.INVALID_MESSAGE, "an attribute is asked for more than once")
    keys: list[AttributeKey] = []
    for name in request.attribute_name:
        try:
            keys.append(attrs.key_of_name(name))
        except KmipError:
            continue
    keys += [k for k in map(attrs.key_of_reference, request.attribute_reference) if k is not None]
    return list(dict.fromkeys(keys))


def _listed(ctx: Context, found: AttributeSet) -> dict[str, Any]:
    if ctx.version >= V2_0:
        return {"attributes": attrs.list_2x(found)}
    return {"attribute": attrs.list_1x(found)}


def get_attribute_list(ctx: Context, request: GetAttributeListRequestPayload) -> GetAttributeListResponsePayload:
    obj = ctx.object(request.unique_identifier, archived_too=True)
    # The digest of a resident key exists although it is computed only when it is read.
    found = view.all_of(ctx, obj, digest=True)
    if ctx.version >= V2_0:
        references = tuple(_reference(key) for key in found)
        return GetAttributeListResponsePayload(unique_identifier=obj.uid, attribute_reference=references)
    return GetAttributeListResponsePayload(
        unique_identifier=obj.uid, attribute_name=tuple(attrs.title(key) for key in found)
    )


def _reference(key: AttributeKey) -> Any:
    if isinstance(key, CustomName):
        return VendorAttributeReference(vendor_identification=key.vendor, attribute_name=key.name)
    return key
