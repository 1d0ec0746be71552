"""Attributes between the wire forms of the versions and the neutral set: who may set what, how many, in which shape.

The rules are the standard's table (`spec.attributes.ATTRIBUTES`); this is the engine that reads it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from kmipd.core.errors import KmipError
from kmipd.core.model import AttributeKey, AttributeSet, CustomName, Instance
from kmipd.spec.attributes import (
    ATTRIBUTES,
    VENDOR_ATTRIBUTE,
    Attribute,
    AttributeItem,
    AttributeRule,
    Attributes,
    Party,
    VendorAttribute,
    VendorAttributeReference,
    by_name,
)
from kmipd.spec.enumerations import ObjectType, ResultReason
from kmipd.spec.kinds import Item
from kmipd.spec.tags import Tag
from kmipd.spec.versions import V2_0, Version

SERVER_VENDOR = "y"  # custom attributes of the server (KMIP 1.4, 3.39); clients' are "x"
TEXT_SIZE_MAX = 65_536  # characters of a custom value: far beyond the 256 that profiles ask for

# The table says "initially set by server" because the object says it too; clients do state these when they create.
_STATED_BY_CLIENTS = frozenset(
    {
        Tag.CRYPTOGRAPHIC_ALGORITHM,
        Tag.CRYPTOGRAPHIC_LENGTH,
        Tag.CERTIFICATE_TYPE,
        Tag.CERTIFICATE_LENGTH,
        Tag.DIGITAL_SIGNATURE_ALGORITHM,
        Tag.KEY_FORMAT_TYPE,
        Tag.OPAQUE_DATA_TYPE,
        Tag.OBJECT_TYPE,
        Tag.PROTECTION_STORAGE_MASK,
        Tag.X_509_CERTIFICATE_IDENTIFIER,
        Tag.X_509_CERTIFICATE_ISSUER,
        Tag.X_509_CERTIFICATE_SUBJECT,
    }
)


def title(key: AttributeKey) -> str:
    """How messages name an attribute."""
    return key.text if isinstance(key, CustomName) else ATTRIBUTES[key].name


def rule_of(key: AttributeKey) -> AttributeRule:
    if isinstance(key, CustomName):
        return VENDOR_ATTRIBUTE
    return ATTRIBUTES[key]


def key_of_name(name: str) -> AttributeKey:
    """The key of a 1.x attribute name. Unknown names are refused: a filter or a wish is never silently dropped."""
    rule = by_name(name)
    if rule is not None:
        return rule.tag
    vendor, dash, rest = name.partition("-")
    if dash and rest and vendor in ("x", SERVER_VENDOR):
        return CustomName(vendor, rest)
    raise KmipError(
        ResultReason.UNSUPPORTED_ATTRIBUTE,
        f"{name!r} is not an attribute of KMIP; the names of custom attributes begin with 'x-'",
    )


def key_of_item(item: AttributeItem) -> AttributeKey:
    if isinstance(item.value, VendorAttribute):
        return CustomName(item.value.vendor_identification, item.value.attribute_name)
    if isinstance(item.tag, Tag) and item.tag in ATTRIBUTES:
        return item.tag
    raise KmipError(ResultReason.UNSUPPORTED_ATTRIBUTE, f"the tag {int(item.tag):06X} is not that of an attribute")


def key_of_reference(reference: Tag | VendorAttributeReference | int) -> AttributeKey | None:
    if isinstance(reference, VendorAttributeReference):
        return CustomName(reference.vendor_identification, reference.attribute_name)
    return reference if isinstance(reference, Tag) and reference in ATTRIBUTES else None


def read_1x(attribute: Attribute) -> tuple[AttributeKey, Any]:
    key = key_of_name(attribute.attribute_name)
    return key, _checked(key, attribute.attribute_value)


def read_2x(item: AttributeItem) -> tuple[AttributeKey, Any]:
    key = key_of_item(item)
    value = item.value.attribute_value if isinstance(item.value, VendorAttribute) else item.value
    return key, _checked(key, value)


def _checked(key: AttributeKey, value: Any) -> Any:
    if value is None:
        raise KmipError(ResultReason.INVALID_ATTRIBUTE_VALUE, f"{title(key)} has no value")
    if isinstance(key, CustomName):
        if not isinstance(value, Item):
            raise KmipError(ResultReason.INVALID_ATTRIBUTE_VALUE, f"{title(key)} has a value of no known type")
        if isinstance(value.value, str | bytes) and len(value.value) > TEXT_SIZE_MAX:
            raise KmipError(ResultReason.INVALID_ATTRIBUTE_VALUE, f"{title(key)} is longer than {TEXT_SIZE_MAX}")
        # Under one tag, so that equal values are equal whichever version brought them.
        return Item(Tag.ATTRIBUTE_VALUE, value.kind, value.value)
    if isinstance(value, Item):
        raise KmipError(ResultReason.INVALID_ATTRIBUTE_VALUE, f"{title(key)} has a value of the wrong type")
    return value


def incoming(listed: Iterable[Attribute], attributes: Attributes | None, *, anybody: bool = False) -> AttributeSet:
    """What a client asks an object to have, in either form; refuses what is the server's to set, unless `anybody` may
    (Import)."""
    result = AttributeSet()
    pairs = [read_1x(a) for a in listed]
    if attributes is not None:
        pairs += [read_2x(i) for i in attributes.values]
    for key, value in pairs:
        if not anybody:
            require_settable(key, created=True)
        if key in result and not rule_of(key).multiple:
            raise KmipError(ResultReason.ATTRIBUTE_SINGLE_VALUED, f"{title(key)} is given twice")
        if key in result and value in result.values(key):
            raise KmipError(ResultReason.INVALID_ATTRIBUTE_VALUE, f"{title(key)} is given twice with the same value")
        result = result.append(key, value)
    return result


def require_settable(key: AttributeKey, *, created: bool = False) -> None:
    """Whether a client may give it to an object, or to one that is being `created`, of which it states the facts."""
    if isinstance(key, CustomName):
        if key.vendor == SERVER_VENDOR:
            raise read_only(key)
    elif not rule_of(key).initially_set_by & Party.CLIENT and not (created and key in _STATED_BY_CLIENTS):
        raise read_only(key)


def require_modifiable(key: AttributeKey) -> None:
    if isinstance(key, CustomName):
        require_settable(key)
    elif not rule_of(key).modifiable_by & Party.CLIENT:
        raise read_only(key)


def require_applicable(key: AttributeKey, object_type: ObjectType, version: Version) -> None:
    """The last row of the standard's tables: which objects may have the attribute at all."""
    if not isinstance(key, CustomName) and not rule_of(key).applies_to(object_type, version):
        name = object_type.name.replace("_", " ").title()
        raise KmipError(ResultReason.INVALID_ATTRIBUTE, f"{title(key)} is not for objects of type {name}")


def read_only(key: AttributeKey) -> KmipError:
    return KmipError(ResultReason.ATTRIBUTE_READ_ONLY, f"{title(key)} is set by the server only")


# Outgoing ----------------------------------------------------------------------------------------------------


def visible(key: AttributeKey, version: Version) -> bool:
    """Whether a client of `version` may be shown the attribute at all."""
    if isinstance(key, CustomName):
        return version >= V2_0 or key.vendor in ("x", SERVER_VENDOR)
    return ATTRIBUTES[key].in_version(version)


def to_1x(key: AttributeKey, instance: Instance) -> Attribute:
    return Attribute(attribute_name=title(key), attribute_index=instance.index, attribute_value=instance.value)


def to_2x(key: AttributeKey, value: Any) -> AttributeItem:
    if isinstance(key, CustomName):
        vendor = VendorAttribute(vendor_identification=key.vendor, attribute_name=key.name, attribute_value=value)
        return AttributeItem(tag=Tag.ATTRIBUTE, value=vendor)
    return AttributeItem(tag=key, value=value)


def list_1x(found: AttributeSet) -> tuple[Attribute, ...]:
    return tuple(to_1x(key, i) for key in found for i in found.instances(key))


def list_2x(found: AttributeSet) -> Attributes:
    return Attributes(values=tuple(to_2x(key, v) for key in found for v in found.values(key)))
