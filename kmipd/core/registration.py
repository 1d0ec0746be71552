"""What Register and Import share: what an object says of itself, and whether its value is there at all."""

from __future__ import annotations

from typing import Any

from kmipd.core import formats
from kmipd.core.attributes import title
from kmipd.core.certificates import certificate_attributes
from kmipd.core.errors import KmipError
from kmipd.core.model import AttributeSet
from kmipd.spec import objects as o
from kmipd.spec.enumerations import ObjectType, ResultReason
from kmipd.spec.tags import Tag


def require_class(object_type: ObjectType, structure: o.ManagedObject) -> None:
    expected = o.OBJECT_CLASSES.get(object_type)
    if expected is None or not isinstance(structure, expected):
        raise KmipError(ResultReason.INVALID_OBJECT_TYPE, "the object is not of the Object Type that was announced")


def with_presence(wanted: AttributeSet, structure: o.ManagedObject) -> AttributeSet:
    """Of an object without its value only the meta-data is kept, and where the value is (KMIP 1.4, 3.41 and 3.42)."""
    block: o.KeyBlock | None = getattr(structure, "key_block", None)
    if block is not None and block.key_value is None:
        return wanted.put(Tag.KEY_VALUE_PRESENT, False)
    if Tag.KEY_VALUE_LOCATION in wanted:
        raise KmipError(
            ResultReason.INVALID_ATTRIBUTE, "Key Value Location is for objects that are registered without Key Value"
        )
    return wanted


def facts(structure: o.ManagedObject) -> dict[Tag, Any]:
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


def with_facts(wanted: AttributeSet, stated: dict[Tag, Any]) -> AttributeSet:
    """The object's own statements; an attribute list that contradicts them is refused (KMIP 1.4, 4.3)."""
    for tag, value in stated.items():
        if tag in (Tag.CRYPTOGRAPHIC_ALGORITHM, Tag.CRYPTOGRAPHIC_LENGTH) and wanted.get(tag, value) != value:
            raise KmipError(
                ResultReason.INVALID_ATTRIBUTE_VALUE, f"{title(tag)} differs between the object and its attributes"
            )
        values = value if isinstance(value, tuple) and not hasattr(value, "_fields") else (value,)
        wanted = wanted.put(tag, *values)
    return wanted
