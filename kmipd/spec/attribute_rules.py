"""What the standard rules for each attribute (the "Attribute Rules" tables of 1.4 §3 and 2.1 §4).

Where a rule is conditional ("only while Pre-Active", "Total and Unit only") the table says yes; the
condition is the lifecycle's and the operations' to know.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import IntFlag
from typing import Final

from kmipd.spec import attribute_types as t
from kmipd.spec import enumerations as e
from kmipd.spec import masks as m
from kmipd.spec.declare import DateTime, Interval
from kmipd.spec.enumerations import ObjectType, Operation
from kmipd.spec.names import title
from kmipd.spec.tags import Tag
from kmipd.spec.versions import V1_0, V1_1, V1_2, V1_3, V1_4, V2_0, V2_1, Version


class Party(IntFlag):
    """Who may do something to an attribute."""

    NOBODY = 0
    CLIENT = 1
    SERVER = 2
    EITHER = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class AttributeRule:
    """One attribute: the rows of its rules table."""

    tag: Tag
    name: str  # of 1.x; 2.x names an attribute by its tag
    type: object  # an annotation, as a field of a structure has it
    since: Version
    until: Version | None
    always_present: bool
    initially_set_by: Party
    modifiable_by: Party
    deletable_by_client: bool
    multiple: bool
    applies_1x: AbstractSet[ObjectType]
    applies_2x: AbstractSet[ObjectType]
    implicitly_set_by: AbstractSet[Operation]

    def in_version(self, version: Version) -> bool:
        """Whether `version` knows the attribute."""
        return self.since <= version and (self.until is None or version <= self.until)

    def applies_to(self, object_type: ObjectType, version: Version) -> bool:
        """Whether objects of this type may have the attribute; 2.x is far more generous than 1.x."""
        return object_type in (self.applies_1x if version < V2_0 else self.applies_2x)


NOBODY, CLIENT, SERVER, EITHER = Party.NOBODY, Party.CLIENT, Party.SERVER, Party.EITHER

ALL: Final = frozenset(ObjectType)
CERTIFICATES: Final = frozenset({ObjectType.CERTIFICATE})
TEMPLATES: Final = frozenset({ObjectType.TEMPLATE})
OPAQUE: Final = frozenset({ObjectType.OPAQUE_OBJECT})
PGP: Final = frozenset({ObjectType.PGP_KEY})
ASYMMETRIC: Final = frozenset({ObjectType.PUBLIC_KEY, ObjectType.PRIVATE_KEY})
SYMMETRIC: Final = frozenset({ObjectType.SYMMETRIC_KEY, ObjectType.SPLIT_KEY})
KEYS: Final = ASYMMETRIC | SYMMETRIC | PGP
#: Managed Cryptographic Objects (1.4 §2.2): everything but templates and opaque objects.
CRYPTOGRAPHIC: Final = ALL - TEMPLATES - OPAQUE
#: Objects that may be known without their value (1.4 §3.41).
SECRET: Final = SYMMETRIC | {ObjectType.PRIVATE_KEY, ObjectType.SECRET_DATA}

CREATION: Final = frozenset(
    {
        Operation.CREATE,
        Operation.CREATE_KEY_PAIR,
        Operation.REGISTER,
        Operation.DERIVE_KEY,
        Operation.CERTIFY,
        Operation.RE_CERTIFY,
        Operation.RE_KEY,
        Operation.RE_KEY_KEY_PAIR,
    }
)


def _rule(
    tag: Tag,
    kind: object,
    since: Version,
    *,
    until: Version | None = None,
    always: bool = False,
    set_by: Party,
    modified_by: Party = NOBODY,
    deletable: bool = False,
    multiple: bool = False,
    applies_1x: AbstractSet[ObjectType] = ALL,
    applies_2x: AbstractSet[ObjectType] = ALL,
    implicit: AbstractSet[Operation] = frozenset(),
) -> AttributeRule:
    return AttributeRule(
        tag=tag,
        name=title(tag),
        type=kind,
        since=since,
        until=until,
        always_present=always,
        initially_set_by=set_by,
        modifiable_by=modified_by,
        deletable_by_client=deletable,
        multiple=multiple,
        applies_1x=applies_1x,
        applies_2x=applies_2x,
        implicitly_set_by=implicit,
    )


_CERTIFICATE_FIELDS: Final = [
    "SUBJECT_CN",
    "SUBJECT_O",
    "SUBJECT_OU",
    "SUBJECT_EMAIL",
    "SUBJECT_C",
    "SUBJECT_ST",
    "SUBJECT_L",
    "SUBJECT_UID",
    "SUBJECT_SERIAL_NUMBER",
    "SUBJECT_TITLE",
    "SUBJECT_DC",
    "SUBJECT_DN_QUALIFIER",
    "ISSUER_CN",
    "ISSUER_O",
    "ISSUER_OU",
    "ISSUER_EMAIL",
    "ISSUER_C",
    "ISSUER_ST",
    "ISSUER_L",
    "ISSUER_UID",
    "ISSUER_SERIAL_NUMBER",
    "ISSUER_TITLE",
    "ISSUER_DC",
    "ISSUER_DN_QUALIFIER",
]

_RULES: Final = (
    _rule(Tag.UNIQUE_IDENTIFIER, t.UniqueIdentifier, V1_0, always=True, set_by=SERVER, implicit=CREATION),
    _rule(
        Tag.NAME,
        t.Name,
        V1_0,
        set_by=CLIENT,
        modified_by=EITHER,
        deletable=True,
        multiple=True,
        implicit={Operation.RE_KEY, Operation.RE_KEY_KEY_PAIR, Operation.RE_CERTIFY},
    ),
    _rule(Tag.OBJECT_TYPE, e.ObjectType, V1_0, always=True, set_by=SERVER, implicit=CREATION),
    _rule(
        Tag.CRYPTOGRAPHIC_ALGORITHM,
        e.CryptographicAlgorithm,
        V1_0,
        always=True,
        set_by=SERVER,
        applies_1x=KEYS | CERTIFICATES | TEMPLATES,
        implicit=CREATION,
    ),
    _rule(
        Tag.CRYPTOGRAPHIC_LENGTH,
        int,
        V1_0,
        always=True,
        set_by=SERVER,
        applies_1x=KEYS | CERTIFICATES | TEMPLATES,
        implicit=CREATION,
    ),
    _rule(
        Tag.CRYPTOGRAPHIC_PARAMETERS,
        t.CryptographicParameters,
        V1_0,
        set_by=CLIENT,
        modified_by=CLIENT,
        deletable=True,
        multiple=True,
        applies_1x=KEYS | CERTIFICATES | TEMPLATES,
        implicit={Operation.RE_KEY, Operation.RE_KEY_KEY_PAIR, Operation.RE_CERTIFY},
    ),
    _rule(
        Tag.CRYPTOGRAPHIC_DOMAIN_PARAMETERS,
        t.CryptographicDomainParameters,
        V1_0,
        set_by=CLIENT,
        applies_1x=ASYMMETRIC | TEMPLATES,
        applies_2x=ASYMMETRIC,
        implicit={Operation.RE_KEY, Operation.RE_KEY_KEY_PAIR},
    ),
    _rule(
        Tag.CERTIFICATE_TYPE,
        e.CertificateType,
        V1_0,
        always=True,
        set_by=SERVER,
        applies_1x=CERTIFICATES,
        applies_2x=CERTIFICATES,
        implicit={Operation.REGISTER, Operation.CERTIFY, Operation.RE_CERTIFY},
    ),
    _rule(
        Tag.CERTIFICATE_IDENTIFIER,
        t.CertificateIdentifier,
        V1_0,
        until=V1_4,
        always=True,
        set_by=SERVER,
        applies_1x=CERTIFICATES,
        implicit={Operation.REGISTER, Operation.CERTIFY, Operation.RE_CERTIFY},
    ),
    _rule(
        Tag.CERTIFICATE_SUBJECT,
        t.CertificateSubject,
        V1_0,
        until=V1_4,
        always=True,
        set_by=SERVER,
        applies_1x=CERTIFICATES,
        implicit={Operation.REGISTER, Operation.CERTIFY, Operation.RE_CERTIFY},
    ),
    _rule(
        Tag.CERTIFICATE_ISSUER,
        t.CertificateIssuer,
        V1_0,
        until=V1_4,
        always=True,
        set_by=SERVER,
        applies_1x=CERTIFICATES,
        implicit={Operation.REGISTER, Operation.CERTIFY, Operation.RE_CERTIFY},
    ),
    _rule(
        Tag.DIGEST,
        t.Digest,
        V1_0,
        always=True,
        set_by=SERVER,
        multiple=True,
        applies_1x=CRYPTOGRAPHIC | OPAQUE,
        implicit=CREATION,
    ),
    _rule(Tag.OPERATION_POLICY_NAME, str, V1_0, until=V1_4, set_by=EITHER, modified_by=SERVER, implicit=CREATION),
    _rule(
        Tag.CRYPTOGRAPHIC_USAGE_MASK,
        m.CryptographicUsageMask,
        V1_0,
        always=True,
        set_by=EITHER,
        modified_by=SERVER,
        applies_1x=CRYPTOGRAPHIC | TEMPLATES,
        implicit=CREATION,
    ),
    _rule(
        Tag.LEASE_TIME, Interval, V1_0, set_by=SERVER, modified_by=SERVER, applies_1x=CRYPTOGRAPHIC, implicit=CREATION
    ),
    _rule(
        Tag.USAGE_LIMITS,
        t.UsageLimits,
        V1_0,
        set_by=EITHER,
        modified_by=EITHER,
        deletable=True,
        applies_1x=KEYS | TEMPLATES,
        implicit={
            Operation.CREATE,
            Operation.CREATE_KEY_PAIR,
            Operation.REGISTER,
            Operation.DERIVE_KEY,
            Operation.RE_KEY,
            Operation.RE_KEY_KEY_PAIR,
            Operation.GET_USAGE_ALLOCATION,
        },
    ),
    _rule(
        Tag.STATE,
        e.State,
        V1_0,
        always=True,
        set_by=SERVER,
        modified_by=SERVER,
        applies_1x=CRYPTOGRAPHIC,
        implicit=CREATION | {Operation.ACTIVATE, Operation.REVOKE, Operation.DESTROY},
    ),
    _rule(Tag.INITIAL_DATE, DateTime, V1_0, always=True, set_by=SERVER, implicit=CREATION),
    _rule(
        Tag.ACTIVATION_DATE,
        DateTime,
        V1_0,
        set_by=EITHER,
        modified_by=EITHER,
        applies_1x=CRYPTOGRAPHIC | TEMPLATES,
        implicit=CREATION | {Operation.ACTIVATE},
    ),
    _rule(
        Tag.PROCESS_START_DATE,
        DateTime,
        V1_0,
        set_by=EITHER,
        modified_by=EITHER,
        applies_1x=SYMMETRIC | TEMPLATES,
        implicit={Operation.CREATE, Operation.REGISTER, Operation.DERIVE_KEY, Operation.RE_KEY},
    ),
    _rule(
        Tag.PROTECT_STOP_DATE,
        DateTime,
        V1_0,
        set_by=EITHER,
        modified_by=EITHER,
        applies_1x=SYMMETRIC | TEMPLATES,
        implicit={Operation.CREATE, Operation.REGISTER, Operation.DERIVE_KEY, Operation.RE_KEY},
    ),
    _rule(
        Tag.DEACTIVATION_DATE,
        DateTime,
        V1_0,
        set_by=EITHER,
        modified_by=EITHER,
        applies_1x=CRYPTOGRAPHIC | TEMPLATES,
        implicit=CREATION | {Operation.REVOKE},
    ),
    _rule(
        Tag.DESTROY_DATE, DateTime, V1_0, set_by=SERVER, applies_1x=CRYPTOGRAPHIC | OPAQUE, implicit={Operation.DESTROY}
    ),
    _rule(
        Tag.COMPROMISE_OCCURRENCE_DATE,
        DateTime,
        V1_0,
        set_by=SERVER,
        applies_1x=CRYPTOGRAPHIC | OPAQUE,
        implicit={Operation.REVOKE},
    ),
    _rule(
        Tag.COMPROMISE_DATE,
        DateTime,
        V1_0,
        set_by=SERVER,
        applies_1x=CRYPTOGRAPHIC | OPAQUE,
        implicit={Operation.REVOKE},
    ),
    _rule(
        Tag.REVOCATION_REASON,
        t.RevocationReason,
        V1_0,
        set_by=SERVER,
        modified_by=SERVER,
        applies_1x=CRYPTOGRAPHIC | OPAQUE,
        implicit={Operation.REVOKE},
    ),
    _rule(Tag.ARCHIVE_DATE, DateTime, V1_0, set_by=SERVER, implicit={Operation.ARCHIVE}),
    _rule(
        Tag.OBJECT_GROUP, str, V1_0, set_by=EITHER, modified_by=EITHER, deletable=True, multiple=True, implicit=CREATION
    ),
    _rule(
        Tag.LINK,
        t.Link,
        V1_0,
        set_by=EITHER,
        modified_by=EITHER,
        deletable=True,
        multiple=True,
        applies_1x=CRYPTOGRAPHIC,
        implicit={
            Operation.CREATE_KEY_PAIR,
            Operation.DERIVE_KEY,
            Operation.CERTIFY,
            Operation.RE_CERTIFY,
            Operation.RE_KEY,
            Operation.RE_KEY_KEY_PAIR,
            Operation.REGISTER,
        },
    ),
    _rule(
        Tag.APPLICATION_SPECIFIC_INFORMATION,
        t.ApplicationSpecificInformation,
        V1_0,
        set_by=EITHER,
        modified_by=EITHER,
        deletable=True,
        multiple=True,
        implicit={Operation.RE_KEY, Operation.RE_KEY_KEY_PAIR, Operation.RE_CERTIFY},
    ),
    _rule(Tag.CONTACT_INFORMATION, str, V1_0, set_by=EITHER, modified_by=EITHER, deletable=True, implicit=CREATION),
    _rule(
        Tag.LAST_CHANGE_DATE,
        DateTime,
        V1_0,
        always=True,
        set_by=SERVER,
        modified_by=SERVER,
        implicit=CREATION
        | {
            Operation.ACTIVATE,
            Operation.REVOKE,
            Operation.DESTROY,
            Operation.ARCHIVE,
            Operation.RECOVER,
            Operation.ADD_ATTRIBUTE,
            Operation.MODIFY_ATTRIBUTE,
            Operation.DELETE_ATTRIBUTE,
            Operation.GET_USAGE_ALLOCATION,
        },
    ),
    _rule(
        Tag.CERTIFICATE_LENGTH,
        int,
        V1_1,
        always=True,
        set_by=SERVER,
        applies_1x=CERTIFICATES,
        applies_2x=CERTIFICATES,
        implicit={Operation.REGISTER, Operation.CERTIFY, Operation.RE_CERTIFY},
    ),
    _rule(
        Tag.X_509_CERTIFICATE_IDENTIFIER,
        t.X509CertificateIdentifier,
        V1_1,
        always=True,
        set_by=SERVER,
        applies_1x=CERTIFICATES,
        applies_2x=CERTIFICATES,
        implicit={Operation.REGISTER, Operation.CERTIFY, Operation.RE_CERTIFY},
    ),
    _rule(
        Tag.X_509_CERTIFICATE_SUBJECT,
        t.X509CertificateSubject,
        V1_1,
        always=True,
        set_by=SERVER,
        applies_1x=CERTIFICATES,
        applies_2x=CERTIFICATES,
        implicit={Operation.REGISTER, Operation.CERTIFY, Operation.RE_CERTIFY},
    ),
    _rule(
        Tag.X_509_CERTIFICATE_ISSUER,
        t.X509CertificateIssuer,
        V1_1,
        always=True,
        set_by=SERVER,
        applies_1x=CERTIFICATES,
        applies_2x=CERTIFICATES,
        implicit={Operation.REGISTER, Operation.CERTIFY, Operation.RE_CERTIFY},
    ),
    _rule(
        Tag.DIGITAL_SIGNATURE_ALGORITHM,
        e.DigitalSignatureAlgorithm,
        V1_1,
        always=True,
        set_by=SERVER,
        multiple=True,
        applies_1x=CERTIFICATES | PGP,
        applies_2x=CERTIFICATES | PGP,
        implicit={Operation.CERTIFY, Operation.RE_CERTIFY, Operation.REGISTER},
    ),
    _rule(
        Tag.FRESH,
        bool,
        V1_1,
        always=True,
        set_by=EITHER,
        modified_by=SERVER,
        applies_1x=CRYPTOGRAPHIC,
        implicit=CREATION,
    ),
    _rule(
        Tag.ALTERNATIVE_NAME, t.AlternativeName, V1_2, set_by=CLIENT, modified_by=EITHER, deletable=True, multiple=True
    ),
    _rule(Tag.KEY_VALUE_PRESENT, bool, V1_2, set_by=SERVER, applies_1x=SECRET, implicit={Operation.REGISTER}),
    _rule(
        Tag.KEY_VALUE_LOCATION,
        t.KeyValueLocation,
        V1_2,
        set_by=CLIENT,
        modified_by=CLIENT,
        deletable=True,
        multiple=True,
        applies_1x=SECRET,
    ),
    _rule(
        Tag.ORIGINAL_CREATION_DATE,
        DateTime,
        V1_2,
        set_by=EITHER,
        implicit={
            Operation.CREATE,
            Operation.CREATE_KEY_PAIR,
            Operation.DERIVE_KEY,
            Operation.RE_KEY,
            Operation.RE_KEY_KEY_PAIR,
        },
    ),
    _rule(
        Tag.RANDOM_NUMBER_GENERATOR,
        t.RNGParameters,
        V1_3,
        set_by=EITHER,
        applies_1x=CRYPTOGRAPHIC,
        implicit={
            Operation.CREATE,
            Operation.CREATE_KEY_PAIR,
            Operation.DERIVE_KEY,
            Operation.RE_KEY,
            Operation.RE_KEY_KEY_PAIR,
        },
    ),
    _rule(
        Tag.PKCS_12_FRIENDLY_NAME,
        str,
        V1_4,
        set_by=EITHER,
        modified_by=CLIENT,
        deletable=True,
        applies_1x=CRYPTOGRAPHIC,
    ),
    _rule(Tag.DESCRIPTION, str, V1_4, set_by=EITHER, modified_by=EITHER, deletable=True),
    _rule(Tag.COMMENT, str, V1_4, set_by=EITHER, modified_by=EITHER, deletable=True),
    _rule(Tag.SENSITIVE, bool, V1_4, always=True, set_by=EITHER, modified_by=EITHER, implicit=CREATION),
    _rule(Tag.ALWAYS_SENSITIVE, bool, V1_4, always=True, set_by=SERVER, modified_by=SERVER),
    _rule(Tag.EXTRACTABLE, bool, V1_4, always=True, set_by=EITHER, modified_by=EITHER, implicit=CREATION),
    _rule(Tag.NEVER_EXTRACTABLE, bool, V1_4, always=True, set_by=SERVER, modified_by=SERVER),
    _rule(Tag.KEY_FORMAT_TYPE, e.KeyFormatType, V2_0, always=True, set_by=SERVER),
    _rule(Tag.NIST_KEY_TYPE, e.NISTKeyType, V2_0, set_by=CLIENT, multiple=True),
    _rule(
        Tag.OPAQUE_DATA_TYPE,
        e.OpaqueDataType,
        V2_0,
        always=True,
        set_by=SERVER,
        applies_2x=OPAQUE,
        implicit={Operation.REGISTER},
    ),
    _rule(Tag.PROTECTION_LEVEL, e.ProtectionLevel, V2_0, set_by=CLIENT, modified_by=CLIENT, deletable=True),
    _rule(Tag.PROTECTION_PERIOD, Interval, V2_0, set_by=CLIENT, modified_by=CLIENT, deletable=True),
    _rule(Tag.PROTECTION_STORAGE_MASK, m.ProtectionStorageMask, V2_0, always=True, set_by=SERVER, implicit=CREATION),
    _rule(Tag.QUANTUM_SAFE, bool, V2_0, set_by=CLIENT, modified_by=CLIENT, deletable=True),
    _rule(Tag.SHORT_UNIQUE_IDENTIFIER, bytes, V2_0, always=True, set_by=SERVER, implicit=CREATION),
    _rule(Tag.ROTATE_AUTOMATIC, bool, V2_1, set_by=EITHER, modified_by=SERVER),
    _rule(Tag.ROTATE_DATE, DateTime, V2_1, set_by=SERVER),
    _rule(Tag.ROTATE_GENERATION, int, V2_1, set_by=SERVER),
    _rule(Tag.ROTATE_INTERVAL, Interval, V2_1, set_by=EITHER, modified_by=SERVER, implicit=CREATION),
    _rule(Tag.ROTATE_LATEST, bool, V2_1, set_by=SERVER, modified_by=SERVER),
    _rule(Tag.ROTATE_NAME, t.RotateName, V2_1, set_by=CLIENT, modified_by=CLIENT, deletable=True),
    _rule(Tag.ROTATE_OFFSET, Interval, V2_1, set_by=EITHER, modified_by=SERVER, implicit=CREATION),
)

# Certificate Attributes (2.1 §4.6): one rule for two dozen of them.  1.4 lists their tags (§9.1.3.1) without a
# clause of their own, and its test cases (TC-CERTATTR-1-14) use them.
_CERTIFICATE_RULES: Final = tuple(
    _rule(
        Tag[f"CERTIFICATE_{field}"],
        str,
        V1_4,
        set_by=SERVER,
        multiple=True,
        applies_1x=CERTIFICATES,
        applies_2x=CERTIFICATES,
        implicit={Operation.REGISTER, Operation.CERTIFY, Operation.RE_CERTIFY},
    )
    for field in _CERTIFICATE_FIELDS
)

#: Every attribute of every version, by tag.
ATTRIBUTES: Final[dict[Tag, AttributeRule]] = {rule.tag: rule for rule in _RULES + _CERTIFICATE_RULES}

#: The rule all custom attributes of 1.x (1.4 §3.39) and vendor attributes of 2.x (2.1 §4.60) share.
VENDOR_ATTRIBUTE: Final = _rule(
    Tag.ATTRIBUTE, object, V1_0, set_by=EITHER, modified_by=EITHER, deletable=True, multiple=True
)
