"""Register (KMIP 1.4, 4.3; 2.1, 6.1.42): store what the client has, and give back the same bytes for ever."""

from __future__ import annotations

from typing import Any

from kmipd.core import creation, formats
from kmipd.core.attributes import title
from kmipd.core.certificates import certificate_attributes
from kmipd.core.errors import KmipError
from kmipd.core.model import AttributeSet
from kmipd.core.services import Context
from kmipd.spec import objects as o
from kmipd.spec.enumerations import ObjectType, ResultReason
from kmipd.spec.enumerations import UniqueIdentifierEnum as U
from kmipd.spec.payloads import RegisterRequestPayload, RegisterResponsePayload
from kmipd.spec.tags import Tag


def register(ctx: Context, request: RegisterRequestPayload) -> RegisterResponsePayload:
    structure = request.managed_object
    expected = o.OBJECT_CLASSES.get(request.object_type)
    if expected is None or not isinstance(structure, expected):
        raise KmipError(ResultReason.INVALID_OBJECT_TYPE, "the object is not of the Object Type that was announced")
    wanted = creation.requested(ctx, request.template_attribute, attributes=request.attributes)
    wanted = _with_facts(wanted, _facts(structure))
    _require_value(structure)
    attributes = creation.complete(ctx, request.object_type, wanted, generated=False)
    obj = creation.add_wrapped(
        ctx, request.object_type, structure, attributes, creation.new_lineage(), creation.new_uid()
    )
    ctx.placeholder.set(obj.uid, U.REGISTER)
    return RegisterResponsePayload(unique_identifier=obj.uid)


def _require_value(structure: o.ManagedObject) -> None:
    block = getattr(structure, "key_block", None)
    if block is not None and block.key_value is None:
        raise KmipError(ResultReason.FEATURE_NOT_SUPPORTED, "objects without their Key Value are not kept here")


def _facts(structure: o.ManagedObject) -> dict[Tag, Any]:
    """Attributes that the object itself states."""
    if isinstance(structure, o.Certificate):
        return certificate_attributes(structure)
    if isinstance(structure, o.OpaqueObject):
        return {
            Tag.OPAQUE_DATA_TYPE: structure.opaque_data_type,
            Tag.KEY_FORMAT_TYPE: formats.default_format(ObjectType.OPAQUE_OBJECT, None),
        }
    if isinstance(structure, o.Template):
        names = tuple(a.attribute_value for a in structure.attribute if a.attribute_name == title(Tag.NAME))
        return {Tag.NAME: names} if names else {}
    block = getattr(structure, "key_block", None)
    if block is None:
        return {}
    stated = {
        Tag.CRYPTOGRAPHIC_ALGORITHM: block.cryptographic_algorithm,
        Tag.CRYPTOGRAPHIC_LENGTH: block.cryptographic_length,
        Tag.KEY_FORMAT_TYPE: block.key_format_type,
    }
    return {tag: value for tag, value in stated.items() if value is not None}


def _with_facts(wanted: AttributeSet, facts: dict[Tag, Any]) -> AttributeSet:
    """The object's own statements; an attribute list that contradicts them is refused (KMIP 1.4, 4.3)."""
    for tag, value in facts.items():
        if tag in (Tag.CRYPTOGRAPHIC_ALGORITHM, Tag.CRYPTOGRAPHIC_LENGTH) and wanted.get(tag, value) != value:
            raise KmipError(
                ResultReason.INVALID_ATTRIBUTE_VALUE, f"{title(tag)} differs between the object and its attributes"
            )
        values = value if isinstance(value, tuple) and not hasattr(value, "_fields") else (value,)
        wanted = wanted.put(tag, *values)
    return wanted
