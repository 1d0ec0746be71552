"""The structures attributes have as values (1.4 §3, 2.1 §4), and those they share (1.4 §2.1.18)."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from kmipd.spec import enumerations as e
from kmipd.spec.declare import LongInteger, since, structure
from kmipd.spec.versions import V1_1, V1_2, V1_4

#: Text in 1.x.  2.x also allows a placeholder of an earlier batch item, or the n-th object of a Locate
#: (2.1 §4.58).
UniqueIdentifier: TypeAlias = str | e.UniqueIdentifierEnum | int


@structure
class Name:
    """Name (1.4 §3.2, 2.1 §4.32)."""

    name_value: str
    name_type: e.NameType


@structure
class AlternativeName:
    """Alternative Name (1.4 §3.40)."""

    alternative_name_value: str
    alternative_name_type: e.AlternativeNameType


@structure
class RotateName:
    """Rotate Name (2.1 §4.53)."""

    rotate_name_value: str
    rotate_name_type: e.RotateNameType


@structure
class Link:
    """Link (1.4 §3.35)."""

    link_type: e.LinkType
    linked_object_identifier: UniqueIdentifier


@structure
class ApplicationSpecificInformation:
    """Application Specific Information (1.4 §3.36); without data the server makes it up (since 1.3)."""

    application_namespace: str
    application_data: str | None = None


@structure
class CryptographicParameters:
    """Cryptographic Parameters (1.4 §3.6)."""

    block_cipher_mode: e.BlockCipherMode | None = None
    padding_method: e.PaddingMethod | None = None
    hashing_algorithm: e.HashingAlgorithm | None = None
    key_role_type: e.KeyRoleType | None = None
    digital_signature_algorithm: Annotated[e.DigitalSignatureAlgorithm | None, since(V1_2)] = None
    cryptographic_algorithm: Annotated[e.CryptographicAlgorithm | None, since(V1_2)] = None
    random_iv: Annotated[bool | None, since(V1_2)] = None
    iv_length: Annotated[int | None, since(V1_2)] = None
    tag_length: Annotated[int | None, since(V1_2)] = None
    fixed_field_length: Annotated[int | None, since(V1_2)] = None
    invocation_field_length: Annotated[int | None, since(V1_2)] = None
    counter_length: Annotated[int | None, since(V1_2)] = None
    initial_counter_value: Annotated[int | None, since(V1_2)] = None
    salt_length: Annotated[int | None, since(V1_4)] = None
    mask_generator: Annotated[e.MaskGenerator | None, since(V1_4)] = None
    mask_generator_hashing_algorithm: Annotated[e.HashingAlgorithm | None, since(V1_4)] = None
    p_source: Annotated[bytes | None, since(V1_4)] = None
    trailer_field: Annotated[int | None, since(V1_4)] = None


@structure
class CryptographicDomainParameters:
    """Cryptographic Domain Parameters (1.4 §3.7)."""

    qlength: int | None = None
    recommended_curve: e.RecommendedCurve | None = None


@structure
class Digest:
    """Digest (1.4 §3.17)."""

    hashing_algorithm: e.HashingAlgorithm
    digest_value: bytes | None = None
    key_format_type: Annotated[e.KeyFormatType | None, since(V1_1)] = None


@structure
class UsageLimits:
    """Usage Limits (1.4 §3.21); a client may leave out the count, the server knows it."""

    usage_limits_total: LongInteger
    usage_limits_count: LongInteger | None = None
    usage_limits_unit: e.UsageLimitsUnit


@structure
class RevocationReason:
    """Revocation Reason (1.4 §3.31)."""

    revocation_reason_code: e.RevocationReasonCode
    revocation_message: str | None = None


@structure
class RNGParameters:
    """RNG Parameters (1.4 §2.1.18), also the value of Random Number Generator."""

    rng_algorithm: e.RNGAlgorithm
    cryptographic_algorithm: e.CryptographicAlgorithm | None = None
    cryptographic_length: int | None = None
    hashing_algorithm: e.HashingAlgorithm | None = None
    drbg_algorithm: e.DRBGAlgorithm | None = None
    recommended_curve: e.RecommendedCurve | None = None
    fips186_variation: e.FIPS186Variation | None = None
    prediction_resistance: bool | None = None


#: The attribute is the structure of the same form under another tag (1.4 §3.44).
RandomNumberGenerator: TypeAlias = RNGParameters


@structure
class KeyValueLocation:
    """Key Value Location (1.4 §3.42)."""

    key_value_location_value: str
    key_value_location_type: e.KeyValueLocationType


@structure
class X509CertificateIdentifier:
    """X.509 Certificate Identifier (1.4 §3.10); both values are DER."""

    issuer_distinguished_name: bytes
    certificate_serial_number: bytes


@structure
class X509CertificateSubject:
    """X.509 Certificate Subject (1.4 §3.11)."""

    subject_distinguished_name: bytes
    subject_alternative_name: tuple[bytes, ...] = ()


@structure
class X509CertificateIssuer:
    """X.509 Certificate Issuer (1.4 §3.12)."""

    issuer_distinguished_name: bytes
    issuer_alternative_name: tuple[bytes, ...] = ()


@structure
class CertificateIdentifier:
    """Certificate Identifier (1.0 §3.9), deprecated since 1.1."""

    issuer: str
    serial_number: str | None = None


@structure
class CertificateSubject:
    """Certificate Subject (1.0 §3.10), deprecated since 1.1."""

    certificate_subject_distinguished_name: str
    certificate_subject_alternative_name: tuple[str, ...] = ()


@structure
class CertificateIssuer:
    """Certificate Issuer (1.0 §3.11), deprecated since 1.1."""

    certificate_issuer_distinguished_name: str
    certificate_issuer_alternative_name: tuple[str, ...] = ()
