"""Attributes: how they travel, and the one table of what the standard rules for each of them.

1.x names an attribute by text and numbers its instances (1.4 §2.1.1); 2.x uses its tag (2.1 §5.1).
Both are typed by `ATTRIBUTES`; what the table does not know keeps its value as an `Item`.
"""

from __future__ import annotations

from typing import Annotated, Final, TypeAlias

from kmipd.spec.attribute_rules import ATTRIBUTES, VENDOR_ATTRIBUTE, AttributeRule, Party
from kmipd.spec.attribute_types import (
    AlternativeName,
    ApplicationSpecificInformation,
    CertificateIdentifier,
    CertificateIssuer,
    CertificateSubject,
    CryptographicDomainParameters,
    CryptographicParameters,
    Digest,
    KeyValueLocation,
    Link,
    Name,
    RandomNumberGenerator,
    RevocationReason,
    RNGParameters,
    RotateName,
    UniqueIdentifier,
    UsageLimits,
    X509CertificateIdentifier,
    X509CertificateIssuer,
    X509CertificateSubject,
)
from kmipd.spec.declare import ESSENTIAL, cases, structure
from kmipd.spec.kinds import Item
from kmipd.spec.tags import Tag

#: What an attribute may hold; enumerations, masks, booleans, dates and intervals are ints in Python.
AttributeValue: TypeAlias = (
    str
    | int
    | bytes
    | AlternativeName
    | ApplicationSpecificInformation
    | CertificateIdentifier
    | CertificateIssuer
    | CertificateSubject
    | CryptographicDomainParameters
    | CryptographicParameters
    | Digest
    | KeyValueLocation
    | Link
    | Name
    | RevocationReason
    | RNGParameters
    | RotateName
    | UsageLimits
    | X509CertificateIdentifier
    | X509CertificateIssuer
    | X509CertificateSubject
    | Item
)

_BY_NAME: Final = {rule.name: rule for rule in ATTRIBUTES.values()}


def by_name(name: str) -> AttributeRule | None:
    """The rule of a 1.x attribute name; None for custom ("x-…", "y-…") and unknown names."""
    return _BY_NAME.get(name)


@structure
class Attribute:
    """Attribute of 1.x (1.4 §2.1.1): typed by name; Notify sends it without a value."""

    attribute_name: str
    attribute_index: int | None = None
    attribute_value: Annotated[
        AttributeValue | None,
        cases("attribute_name", {name: rule.type for name, rule in _BY_NAME.items()}, Item),
        ESSENTIAL,  # an attribute goes as a whole or not at all
    ] = None


@structure
class TemplateAttribute:
    """Template-Attribute and its Common, Private Key and Public Key forms (1.4 §2.1.8)."""

    name: tuple[Name, ...] = ()
    attribute: tuple[Attribute, ...] = ()


@structure
class VendorAttribute:
    """Attribute of 2.x: a vendor's (2.1 §4.60); vendors "x" and "y" are client and server custom attributes."""

    vendor_identification: str
    attribute_name: str
    attribute_value: Item | None = None


@structure
class AttributeItem:
    """One attribute under its tag; a tag the vocabulary does not know holds an `Item`."""

    tag: Tag | int
    value: AttributeValue | VendorAttribute


@structure
class Attributes:
    """Attributes and its Common, Private Key and Public Key forms (2.1 §5.1)."""

    values: tuple[AttributeItem, ...] = ()


@structure
class VendorAttributeReference:
    """Attribute Reference to a vendor's attribute (2.1 §5.5)."""

    vendor_identification: str
    attribute_name: str


#: The tag of an attribute, or vendor and name (2.1 §5.5).
AttributeReference: TypeAlias = Tag | VendorAttributeReference

__all__ = [
    "ATTRIBUTES",
    "VENDOR_ATTRIBUTE",
    "AlternativeName",
    "ApplicationSpecificInformation",
    "Attribute",
    "AttributeItem",
    "AttributeReference",
    "AttributeRule",
    "AttributeValue",
    "Attributes",
    "CertificateIdentifier",
    "CertificateIssuer",
    "CertificateSubject",
    "CryptographicDomainParameters",
    "CryptographicParameters",
    "Digest",
    "KeyValueLocation",
    "Link",
    "Name",
    "Party",
    "RNGParameters",
    "RandomNumberGenerator",
    "RevocationReason",
    "RotateName",
    "TemplateAttribute",
    "UniqueIdentifier",
    "UsageLimits",
    "VendorAttribute",
    "VendorAttributeReference",
    "X509CertificateIdentifier",
    "X509CertificateIssuer",
    "X509CertificateSubject",
    "by_name",
]
