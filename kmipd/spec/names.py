"""One derivation of every spelling of a name, in both directions.

    the standard's text       Cryptographic Usage Mask      title(tag)
    tag                       Tag.CRYPTOGRAPHIC_USAGE_MASK
    field                     cryptographic_usage_mask      field_name(tag)
    class                     CryptographicUsageMask        class_name(tag)
    XML and JSON              CryptographicUsageMask        tag_name(tag), member_name(member)

Words are joined; a word of ACRONYMS stays in capitals; digits that begin a word are set off by an underscore
(additional message encodings 1.0 §4.1.3).  What does not follow from that stands in three small tables.
"""

from __future__ import annotations

from enum import IntEnum, IntFlag
from typing import Final, TypeAlias

from kmipd.spec import enumerations as e
from kmipd.spec import masks as m
from kmipd.spec.tags import Tag

Enumeration: TypeAlias = type[IntEnum] | type[IntFlag]

ACRONYMS: Final = frozenset(
    [
        "AES",
        "ANSI",
        "CA",
        "CMVP",
        "CN",
        "CRL",
        "CRMF",
        "CRT",
        "CSR",
        "DC",
        "DH",
        "DN",
        "DNS",
        "DRBG",
        "DSA",
        "EC",
        "ECDH",
        "ECDSA",
        "ECMQV",
        "FIPS186",
        "FPE",
        "GF",
        "HMAC",
        "HTTPS",
        "ID",
        "IP",
        "IV",
        "JSON",
        "KMIP",
        "LOS",
        "MAC",
        "MD2",
        "MD5",
        "NIST",
        "NRBG",
        "OAEP",
        "OU",
        "PEM",
        "PGP",
        "PKCS",
        "PSS",
        "RNG",
        "RNGS",
        "RSA",
        "SAML",
        "SHA",
        "SHA3",
        "SSL3",
        "ST",
        "TCG",
        "TLS",
        "TPM",
        "TTLV",
        "UID",
        "URI",
        "XML",
        "XOR",
        "XTS",
    ]
)

#: The standard's text where it is not simply the words.
TITLES: Final = {
    Tag.COMMON_TEMPLATE_ATTRIBUTE: "Common Template-Attribute",
    Tag.IV_COUNTER_NONCE: "IV/Counter/Nonce",
    Tag.MAC_SIGNATURE: "MAC/Signature",
    Tag.MAC_SIGNATURE_KEY_INFORMATION: "MAC/Signature Key Information",
    Tag.PKCS_11_FUNCTION: "PKCS#11 Function",
    Tag.PKCS_11_INPUT_PARAMETERS: "PKCS#11 Input Parameters",
    Tag.PKCS_11_INTERFACE: "PKCS#11 Interface",
    Tag.PKCS_11_OUTPUT_PARAMETERS: "PKCS#11 Output Parameters",
    Tag.PKCS_11_RETURN_CODE: "PKCS#11 Return Code",
    Tag.PKCS_12_FRIENDLY_NAME: "PKCS#12 Friendly Name",
    Tag.PRIVATE_KEY_TEMPLATE_ATTRIBUTE: "Private Key Template-Attribute",
    Tag.PUBLIC_KEY_TEMPLATE_ATTRIBUTE: "Public Key Template-Attribute",
    Tag.TEMPLATE_ATTRIBUTE: "Template-Attribute",
    Tag.X_509_CERTIFICATE_IDENTIFIER: "X.509 Certificate Identifier",
    Tag.X_509_CERTIFICATE_ISSUER: "X.509 Certificate Issuer",
    Tag.X_509_CERTIFICATE_SUBJECT: "X.509 Certificate Subject",
}

#: Enumerations whose members the standard itself writes in capitals.
VERBATIM: Final = frozenset(
    {e.BlockCipherMode, e.CryptographicAlgorithm, e.DerivationMethod, e.KeyRoleType, e.RecommendedCurve}
)

#: The XML and JSON name of a member, where neither rule gives it.
SPELLINGS: Final[dict[Enumeration, dict[str, str]]] = {
    e.BlockCipherMode: {
        "AES_KEY_WRAP_PADDING": "AESKeyWrapPadding",
        "NIST_KEY_WRAP": "NISTKeyWrap",
        "X9_102_AESKW": "X9_102AESKW",
        "X9_102_TDKW": "X9_102TDKW",
        "X9_102_AKW1": "X9_102AKW1",
        "X9_102_AKW2": "X9_102AKW2",
    },
    e.CryptographicAlgorithm: {
        "TRIPLE_DES": "DES3",
        "BLOWFISH": "Blowfish",
        "CAMELLIA": "Camellia",
        "TWOFISH": "Twofish",
        "ONE_TIME_PAD": "OneTimePad",
        "CHACHA20": "ChaCha20",
        "POLY1305": "Poly1305",
        "CHACHA20_POLY1305": "ChaCha20Poly1305",
        "GOST_R34_10_2012": "GOSTR34_10_2012",
        "GOST_R34_11_2012": "GOSTR34_11_2012",
        "GOST_R34_13_2015": "GOSTR34_13_2015",
        "GOST_28147_89": "GOST28147_89",
        "MCELIECE": "McEliece",
        "MCELIECE_6960119": "McEliece_6960119",
        "MCELIECE_8192128": "McEliece_8192128",
        "ED25519": "Ed25519",
        "ED448": "Ed448",
    },
    e.DRBGAlgorithm: {
        "DUAL_EC": "Dual_EC",
        "CTR": "CTR",
    },
    e.DerivationMethod: {
        "ASYMMETRIC_KEY": "AsymmetricKey",
        "AWS_SIGNATURE_VERSION4": "AWSSignatureVersion4",
    },
    e.DigitalSignatureAlgorithm: {
        "RSASSA_PSS": "RSASSA_PSS",
        "DSA_WITH_SHA_224": "DSAWithSHA224",
        "DSA_WITH_SHA_256": "DSAWithSHA256",
        "ECDSA_WITH_SHA_224": "ECDSAWithSHA224",
        "ECDSA_WITH_SHA_256": "ECDSAWithSHA256",
        "ECDSA_WITH_SHA_384": "ECDSAWithSHA384",
        "ECDSA_WITH_SHA_512": "ECDSAWithSHA512",
    },
    e.FIPS186Variation: {
        "GPX_ORIGINAL": "GPXOriginal",
        "GPX_CHANGE_NOTICE": "GPXChangeNotice",
    },
    e.HashingAlgorithm: {
        "MD4": "MD4",
        "RIPEMD_160": "RIPEMD_160",
    },
    e.MaskGenerator: {
        "MGF1": "MGF1",
    },
    e.PKCS11ReturnCode: {code.name: code.name for code in e.PKCS11ReturnCode},
    e.PaddingMethod: {
        "PKCS5": "PKCS5",
        "ISO10126": "ISO10126",
        "PKCS1_V1_5": "PKCS1V1_5",
    },
    e.QueryFunction: {
        "QUERY_RNGS": "QueryRNGs",
    },
    e.SplitKeyMethod: {
        "POLYNOMIAL_SHARING_GF_2_16": "PolynomialSharingGF2_16",
        "POLYNOMIAL_SHARING_GF_2_8": "PolynomialSharingGF2_8",
    },
    e.WrappingMethod: {
        "TR_31": "TR_31",
    },
}

#: Names an older version, a later one or the test cases have for the same number (XML name: member).
ALIASES: Final[dict[Enumeration, dict[str, str]]] = {
    e.DigitalSignatureAlgorithm: {
        "MD2WithRSAEncryptionPKCS_1V1_5": "MD2_WITH_RSA_ENCRYPTION",
        "MD5WithRSAEncryptionPKCS_1V1_5": "MD5_WITH_RSA_ENCRYPTION",
        "SHA_1WithRSAEncryptionPKCS_1V1_5": "SHA_1_WITH_RSA_ENCRYPTION",
        "SHA_224WithRSAEncryptionPKCS_1V1_5": "SHA_224_WITH_RSA_ENCRYPTION",
        "SHA_256WithRSAEncryptionPKCS_1V1_5": "SHA_256_WITH_RSA_ENCRYPTION",
        "SHA_384WithRSAEncryptionPKCS_1V1_5": "SHA_384_WITH_RSA_ENCRYPTION",
        "SHA_512WithRSAEncryptionPKCS_1V1_5": "SHA_512_WITH_RSA_ENCRYPTION",
        "RSASSA_PSSPKCS_1V2_1": "RSASSA_PSS",
    },
    e.HashingAlgorithm: {
        "SHA_3_224": "SHA3_224",
        "SHA_3_256": "SHA3_256",
        "SHA_3_384": "SHA3_384",
        "SHA_3_512": "SHA3_512",
    },
    e.MaskGenerator: {"MFG1": "MGF1"},
    e.ResultReason: {"NotAuthorized": "NOT_AUTHORISED"},
    m.CryptographicUsageMask: {"ContentCommitmentNonRepudiation": "CONTENT_COMMITMENT"},
}


def camel(identifier: str) -> str:
    """CRYPTOGRAPHIC_USAGE_MASK -> CryptographicUsageMask."""
    parts: list[str] = []
    for word in identifier.split("_"):
        if word[0].isdigit():
            parts.append(f"_{word}" if parts else word)
        else:
            parts.append(word if word in ACRONYMS else word.capitalize())
    return "".join(parts)


def title(tag: Tag) -> str:
    """The standard's text, which is also the attribute name of 1.x."""
    words = tag.name.split("_")
    return TITLES.get(tag) or " ".join(word if word in ACRONYMS else word.capitalize() for word in words)


def field_name(tag: Tag) -> str:
    """The name of a field with this tag."""
    return tag.name.lower()


def class_name(tag: Tag) -> str:
    """The name of a structure with this tag."""
    return camel(tag.name).replace("_", "")


def tag_name(tag: Tag) -> str:
    """The element name of XML and the "tag" of JSON."""
    return camel(tag.name)


def tag_named(text: str) -> Tag | None:
    """The tag with this XML name."""
    return _TAGS.get(text)


def tag_titled(text: str) -> Tag | None:
    """The tag with this text in the standard."""
    return _TITLES.get(text)


def member_name(member: IntEnum | IntFlag) -> str:
    """The XML and JSON name of an enumeration member, a single mask bit or a tag."""
    cls, name = type(member), member.name or ""
    if cls is e.PKCS11Function:
        return f"C_{camel(name[2:])}"
    return SPELLINGS.get(cls, {}).get(name) or (name if cls in VERBATIM else camel(name))


def member_named(cls: Enumeration, text: str) -> IntEnum | IntFlag | None:
    """The member of `cls` with this XML name, also an older one."""
    if cls not in _MEMBERS:
        names = {member_name(member): member for member in cls.__members__.values()}
        aliases = {alias: cls.__members__[name] for alias, name in ALIASES.get(cls, {}).items()}
        _MEMBERS[cls] = aliases | names
    return _MEMBERS[cls].get(text)


_TAGS: Final = {tag_name(tag): tag for tag in Tag}
_TITLES: Final = {title(tag): tag for tag in Tag}
_MEMBERS: Final[dict[Enumeration, dict[str, IntEnum | IntFlag]]] = {}
