"""When each enumeration member came and went, from the tables of all seven versions.

An enumeration not listed, and a member not listed, is as old as KMIP 1.0.
"""

from collections.abc import Callable
from enum import IntEnum, IntFlag
from typing import TypeAlias

from kmipd.spec import enumerations as e
from kmipd.spec import masks as m
from kmipd.spec.kinds import ItemType
from kmipd.spec.tags import Tag, tag_introduced, tag_withdrawn
from kmipd.spec.versions import V1_0, V1_1, V1_2, V1_3, V1_4, V2_0, V2_1, Version

Vocabulary: TypeAlias = type[IntEnum] | type[IntFlag]


def _profiles(chosen: Callable[[str], bool]) -> str:
    """1.x named a profile with the version it is of, 2.x without (1.4 §9.1.3.2.42, 2.1 §11.41)."""
    return " ".join(name for name in e.ProfileName.__members__ if chosen(name))


#: The version an enumeration came with, where that is not 1.0.
CAME_WITH: dict[Vocabulary, Version] = {
    e.AdjustmentType: V2_0,
    e.AlternativeNameType: V1_2,
    e.AsynchronousIndicator: V2_0,
    e.AttestationType: V1_2,
    e.ClientRegistrationMethod: V1_3,
    e.DRBGAlgorithm: V1_3,
    e.DataEnum: V2_0,
    e.DestroyAction: V1_3,
    e.DigitalSignatureAlgorithm: V1_1,
    e.EncodingOption: V1_1,
    e.EndpointRole: V2_0,
    e.FIPS186Variation: V1_3,
    e.InteropFunction: V2_0,
    e.KeyValueLocationType: V1_2,
    e.KeyWrapType: V1_4,
    e.MaskGenerator: V1_4,
    e.NISTKeyType: V2_0,
    e.ObjectGroupMember: V1_1,
    e.ProcessingStage: V2_1,
    e.ProfileName: V1_3,
    e.ProtectionLevel: V2_0,
    e.RNGAlgorithm: V1_3,
    e.RNGMode: V1_3,
    e.ShreddingAlgorithm: V1_3,
    e.TicketType: V2_0,
    e.UniqueIdentifierEnum: V2_0,
    e.UnwrapMode: V1_3,
    e.ValidationAuthorityType: V1_3,
    e.ValidationType: V1_3,
    e.PKCS11Function: V2_0,
    e.PKCS11ReturnCode: V2_0,
    e.RotateNameType: V2_1,
    ItemType: V2_0,
    m.ProtectionStorageMask: V2_0,
}

#: Members younger than their enumeration.
ADDED: dict[Vocabulary, dict[Version, str]] = {
    e.BlockCipherMode: {
        V1_4: "AEAD",
    },
    e.CredentialType: {
        V1_1: "DEVICE",
        V1_2: "ATTESTATION",
        V2_0: "ONE_TIME_PASSWORD HASHED_PASSWORD TICKET",
    },
    e.CryptographicAlgorithm: {
        V1_2: "EC",
        V1_3: "ONE_TIME_PAD",
        V1_4: (
            "CHACHA20 POLY1305 CHACHA20_POLY1305 SHA3_224 SHA3_256 SHA3_384 SHA3_512 HMAC_SHA3_224 "
            "HMAC_SHA3_256 HMAC_SHA3_384 HMAC_SHA3_512 SHAKE_128 SHAKE_256"
        ),
        V2_0: (
            "ARIA SEED SM2 SM3 SM4 GOST_R34_10_2012 GOST_R34_11_2012 GOST_R34_13_2015 GOST_28147_89 "
            "XMSS SPHINCS_256 MCELIECE MCELIECE_6960119 MCELIECE_8192128 ED25519 ED448"
        ),
    },
    e.DerivationMethod: {
        V1_4: "ASYMMETRIC_KEY",
        V2_0: "AWS_SIGNATURE_VERSION4 HKDF",
    },
    e.DigitalSignatureAlgorithm: {
        V1_4: "SHA3_256_WITH_RSA_ENCRYPTION SHA3_384_WITH_RSA_ENCRYPTION SHA3_512_WITH_RSA_ENCRYPTION",
    },
    e.HashingAlgorithm: {
        V1_2: "SHA_512_224 SHA_512_256",
        V1_4: "SHA3_224 SHA3_256 SHA3_384 SHA3_512",
    },
    e.KeyFormatType: {
        V1_3: "TRANSPARENT_EC_PRIVATE_KEY TRANSPARENT_EC_PUBLIC_KEY",
        V1_4: "PKCS_12",
        V2_0: "PKCS_10",
    },
    e.KeyRoleType: {
        V1_4: "DUKPT IV TRKBK",
    },
    e.LinkType: {
        V1_2: "PARENT_LINK CHILD_LINK PREVIOUS_LINK NEXT_LINK",
        V1_4: "PKCS_12_CERTIFICATE_LINK PKCS_12_PASSWORD_LINK",
        V2_0: "WRAPPING_KEY_LINK",
    },
    e.ObjectType: {
        V1_2: "PGP_KEY",
        V2_0: "CERTIFICATE_REQUEST",
    },
    e.Operation: {
        V1_1: "RE_KEY_KEY_PAIR DISCOVER_VERSIONS",
        V1_2: (
            "ENCRYPT DECRYPT SIGN SIGNATURE_VERIFY MAC MAC_VERIFY RNG_RETRIEVE RNG_SEED HASH "
            "CREATE_SPLIT_KEY JOIN_SPLIT_KEY"
        ),
        V1_4: "IMPORT EXPORT",
        V2_0: (
            "LOG LOGIN LOGOUT DELEGATED_LOGIN ADJUST_ATTRIBUTE SET_ATTRIBUTE SET_ENDPOINT_ROLE PKCS_11 "
            "INTEROP RE_PROVISION"
        ),
        V2_1: "SET_DEFAULTS SET_CONSTRAINTS GET_CONSTRAINTS QUERY_ASYNCHRONOUS_REQUESTS PROCESS PING",
    },
    e.ProfileName: {
        V1_4: _profiles(lambda name: name.endswith("_KMIP_V1_4")),
        V2_0: _profiles(lambda name: "_KMIP_V1_" not in name),
    },
    e.QueryFunction: {
        V1_1: "QUERY_EXTENSION_LIST QUERY_EXTENSION_MAP",
        V1_2: "QUERY_ATTESTATION_TYPES",
        V1_3: ("QUERY_RNGS QUERY_VALIDATIONS QUERY_PROFILES QUERY_CAPABILITIES QUERY_CLIENT_REGISTRATION_METHODS"),
        V2_0: "QUERY_DEFAULTS_INFORMATION QUERY_STORAGE_PROTECTION_MASKS",
    },
    e.RecommendedCurve: {
        V1_2: (
            "SECP112R1 SECP112R2 SECP128R1 SECP128R2 SECP160K1 SECP160R1 SECP160R2 SECP192K1 SECP224K1 "
            "SECP256K1 SECT113R1 SECT113R2 SECT131R1 SECT131R2 SECT163R1 SECT193R1 SECT193R2 SECT239K1 "
            "ANSIX9P192V2 ANSIX9P192V3 ANSIX9P239V1 ANSIX9P239V2 ANSIX9P239V3 ANSIX9C2PNB163V1 "
            "ANSIX9C2PNB163V2 ANSIX9C2PNB163V3 ANSIX9C2PNB176V1 ANSIX9C2TNB191V1 ANSIX9C2TNB191V2 "
            "ANSIX9C2TNB191V3 ANSIX9C2PNB208W1 ANSIX9C2TNB239V1 ANSIX9C2TNB239V2 ANSIX9C2TNB239V3 "
            "ANSIX9C2PNB272W1 ANSIX9C2PNB304W1 ANSIX9C2TNB359V1 ANSIX9C2PNB368W1 ANSIX9C2TNB431R1 "
            "BRAINPOOLP160R1 BRAINPOOLP160T1 BRAINPOOLP192R1 BRAINPOOLP192T1 BRAINPOOLP224R1 "
            "BRAINPOOLP224T1 BRAINPOOLP256R1 BRAINPOOLP256T1 BRAINPOOLP320R1 BRAINPOOLP320T1 "
            "BRAINPOOLP384R1 BRAINPOOLP384T1 BRAINPOOLP512R1 BRAINPOOLP512T1"
        ),
        V2_0: "CURVE25519 CURVE448",
    },
    e.ResultReason: {
        V1_1: "ENCODING_OPTION_ERROR",
        V1_2: "KEY_VALUE_NOT_PRESENT ATTESTATION_REQUIRED ATTESTATION_FAILED",
        V1_4: "SENSITIVE NOT_EXTRACTABLE OBJECT_ALREADY_EXISTS",
        V2_0: (
            "INVALID_TICKET USAGE_LIMIT_EXCEEDED NUMERIC_RANGE INVALID_DATA_TYPE READ_ONLY_ATTRIBUTE "
            "MULTI_VALUED_ATTRIBUTE UNSUPPORTED_ATTRIBUTE ATTRIBUTE_INSTANCE_NOT_FOUND "
            "ATTRIBUTE_NOT_FOUND ATTRIBUTE_READ_ONLY ATTRIBUTE_SINGLE_VALUED "
            "BAD_CRYPTOGRAPHIC_PARAMETERS BAD_PASSWORD CODEC_ERROR ILLEGAL_OBJECT_TYPE "
            "INCOMPATIBLE_CRYPTOGRAPHIC_USAGE_MASK INTERNAL_SERVER_ERROR "
            "INVALID_ASYNCHRONOUS_CORRELATION_VALUE INVALID_ATTRIBUTE INVALID_ATTRIBUTE_VALUE "
            "INVALID_CORRELATION_VALUE INVALID_CSR INVALID_OBJECT_TYPE KEY_WRAP_TYPE_NOT_SUPPORTED "
            "MISSING_INITIALIZATION_VECTOR NON_UNIQUE_NAME_ATTRIBUTE OBJECT_DESTROYED OBJECT_NOT_FOUND "
            "NOT_AUTHORISED SERVER_LIMIT_EXCEEDED UNKNOWN_ENUMERATION UNKNOWN_MESSAGE_EXTENSION "
            "UNKNOWN_TAG UNSUPPORTED_CRYPTOGRAPHIC_PARAMETERS UNSUPPORTED_PROTOCOL_VERSION "
            "WRAPPING_OBJECT_ARCHIVED WRAPPING_OBJECT_DESTROYED WRAPPING_OBJECT_NOT_FOUND "
            "WRONG_KEY_LIFECYCLE_STATE PROTECTION_STORAGE_UNAVAILABLE PKCS_11_CODEC_ERROR "
            "PKCS_11_INVALID_FUNCTION PKCS_11_INVALID_INTERFACE PRIVATE_PROTECTION_STORAGE_UNAVAILABLE "
            "PUBLIC_PROTECTION_STORAGE_UNAVAILABLE"
        ),
        V2_1: "UNKNOWN_OBJECT_GROUP CONSTRAINT_VIOLATION DUPLICATE_PROCESS_REQUEST",
    },
    e.SplitKeyMethod: {
        V1_2: "POLYNOMIAL_SHARING_GF_2_8",
    },
    m.CryptographicUsageMask: {
        V2_0: "AUTHENTICATE UNRESTRICTED FPE_ENCRYPT FPE_DECRYPT",
    },
    m.StorageStatusMask: {
        V2_0: "DESTROYED_STORAGE",
    },
}

#: Members 2.0 took away.
WITHDRAWN: dict[Vocabulary, str] = {
    e.CertificateRequestType: "PGP",
    e.KeyFormatType: (
        "TRANSPARENT_ECDSA_PRIVATE_KEY TRANSPARENT_ECDSA_PUBLIC_KEY TRANSPARENT_ECDH_PRIVATE_KEY "
        "TRANSPARENT_ECDH_PUBLIC_KEY TRANSPARENT_ECMQV_PRIVATE_KEY TRANSPARENT_ECMQV_PUBLIC_KEY"
    ),
    e.ObjectType: "TEMPLATE",
    e.ProfileName: _profiles(lambda name: "_KMIP_V1_" in name),
    e.ResultReason: "ILLEGAL_OPERATION INDEX_OUT_OF_BOUNDS",
    m.CryptographicUsageMask: (
        "EXPORT CONTENT_COMMITMENT GENERATE_CRYPTOGRAM VALIDATE_CRYPTOGRAM TRANSLATE_ENCRYPT "
        "TRANSLATE_DECRYPT TRANSLATE_WRAP TRANSLATE_UNWRAP"
    ),
}


def introduced(member: IntEnum | IntFlag) -> Version:
    """The first version that has this tag, enumeration member or (single) mask bit."""
    if isinstance(member, Tag):
        return tag_introduced(member)
    return _FIRST.get((type(member), member.value)) or CAME_WITH.get(type(member), V1_0)


def withdrawn(member: IntEnum | IntFlag) -> Version | None:
    """The last version that has it, or None while it is in use."""
    if isinstance(member, Tag):
        return tag_withdrawn(member)
    return V1_4 if (type(member), member.value) in _GONE else None


def in_version(member: IntEnum | IntFlag, version: Version) -> bool:
    """Whether `version` has this tag, enumeration member or (single) mask bit."""
    last = withdrawn(member)
    return introduced(member) <= version and (last is None or version <= last)


_FIRST = {
    (cls, cls.__members__[name].value): version
    for cls, added in ADDED.items()
    for version, names in added.items()
    for name in names.split()
}
_GONE = {(cls, cls.__members__[name].value) for cls, names in WITHDRAWN.items() for name in names.split()}
