"""Managed objects and what they are made of (1.4 §2, 2.1 §2, §3), and credentials (1.4 §2.1.2)."""

from __future__ import annotations

from typing import Annotated, Final, TypeAlias

from kmipd.spec import enumerations as e
from kmipd.spec.attributes import Attribute, Attributes, CryptographicParameters
from kmipd.spec.declare import (
    SECRET,
    BigInteger,
    DateTimeExtended,
    cases,
    inner,
    since,
    structure,
    tagged,
    until,
)
from kmipd.spec.enumerations import CredentialType, KeyFormatType
from kmipd.spec.kinds import Item
from kmipd.spec.tags import Tag
from kmipd.spec.versions import V1_1, V1_2, V1_4, V2_0


@structure
class EncryptionKeyInformation:
    """Encryption Key Information (1.4 §2.1.5)."""

    unique_identifier: str
    cryptographic_parameters: CryptographicParameters | None = None


@structure
class MACSignatureKeyInformation:
    """MAC/Signature Key Information (1.4 §2.1.5)."""

    unique_identifier: str
    cryptographic_parameters: CryptographicParameters | None = None


@structure
class KeyWrappingData:
    """Key Wrapping Data (1.4 §2.1.5): how a Key Value was wrapped."""

    wrapping_method: e.WrappingMethod
    encryption_key_information: EncryptionKeyInformation | None = None
    mac_signature_key_information: MACSignatureKeyInformation | None = None
    mac_signature: bytes | None = None
    iv_counter_nonce: bytes | None = None
    encoding_option: Annotated[e.EncodingOption | None, since(V1_1)] = None


@structure
class KeyWrappingSpecification:
    """Key Wrapping Specification (1.4 §2.1.6): how a key shall be wrapped."""

    wrapping_method: e.WrappingMethod
    encryption_key_information: EncryptionKeyInformation | None = None
    mac_signature_key_information: MACSignatureKeyInformation | None = None
    attribute_name: tuple[str, ...] = ()
    encoding_option: Annotated[e.EncodingOption | None, since(V1_1)] = None


@structure
class TransparentSymmetricKey:
    """1.4 §2.1.7.1."""

    key: bytes


@structure
class TransparentDSAPrivateKey:
    """1.4 §2.1.7.2."""

    p: BigInteger
    q: BigInteger
    g: BigInteger
    x: Annotated[BigInteger, SECRET]


@structure
class TransparentDSAPublicKey:
    """1.4 §2.1.7.3."""

    p: BigInteger
    q: BigInteger
    g: BigInteger
    y: BigInteger


@structure
class TransparentRSAPrivateKey:
    """1.4 §2.1.7.4: which of the optional fields must be there depends on each other."""

    modulus: BigInteger
    private_exponent: Annotated[BigInteger | None, SECRET] = None
    public_exponent: BigInteger | None = None
    p: Annotated[BigInteger | None, SECRET] = None
    q: Annotated[BigInteger | None, SECRET] = None
    prime_exponent_p: Annotated[BigInteger | None, SECRET] = None
    prime_exponent_q: Annotated[BigInteger | None, SECRET] = None
    crt_coefficient: Annotated[BigInteger | None, SECRET] = None


@structure
class TransparentRSAPublicKey:
    """1.4 §2.1.7.5."""

    modulus: BigInteger
    public_exponent: BigInteger


@structure
class TransparentDHPrivateKey:
    """1.4 §2.1.7.6."""

    p: BigInteger
    q: BigInteger | None = None
    g: BigInteger
    j: BigInteger | None = None
    x: Annotated[BigInteger, SECRET]


@structure
class TransparentDHPublicKey:
    """1.4 §2.1.7.7."""

    p: BigInteger
    q: BigInteger | None = None
    g: BigInteger
    j: BigInteger | None = None
    y: BigInteger


@structure
class TransparentECPrivateKey:
    """1.4 §2.1.7.14; the ECDSA, ECDH and ECMQV structures it replaced have the same form."""

    recommended_curve: e.RecommendedCurve
    d: Annotated[BigInteger, SECRET]


@structure
class TransparentECPublicKey:
    """1.4 §2.1.7.15; the ECDSA, ECDH and ECMQV structures it replaced have the same form."""

    recommended_curve: e.RecommendedCurve
    q_string: bytes


TransparentKey: TypeAlias = (
    TransparentSymmetricKey
    | TransparentDSAPrivateKey
    | TransparentDSAPublicKey
    | TransparentRSAPrivateKey
    | TransparentRSAPublicKey
    | TransparentDHPrivateKey
    | TransparentDHPublicKey
    | TransparentECPrivateKey
    | TransparentECPublicKey
)

#: What Key Material is when it is a structure (1.4 §2.1.4).
TRANSPARENT: Final[dict[KeyFormatType, type[TransparentKey]]] = {
    KeyFormatType.TRANSPARENT_SYMMETRIC_KEY: TransparentSymmetricKey,
    KeyFormatType.TRANSPARENT_DSA_PRIVATE_KEY: TransparentDSAPrivateKey,
    KeyFormatType.TRANSPARENT_DSA_PUBLIC_KEY: TransparentDSAPublicKey,
    KeyFormatType.TRANSPARENT_RSA_PRIVATE_KEY: TransparentRSAPrivateKey,
    KeyFormatType.TRANSPARENT_RSA_PUBLIC_KEY: TransparentRSAPublicKey,
    KeyFormatType.TRANSPARENT_DH_PRIVATE_KEY: TransparentDHPrivateKey,
    KeyFormatType.TRANSPARENT_DH_PUBLIC_KEY: TransparentDHPublicKey,
    KeyFormatType.TRANSPARENT_ECDSA_PRIVATE_KEY: TransparentECPrivateKey,
    KeyFormatType.TRANSPARENT_ECDSA_PUBLIC_KEY: TransparentECPublicKey,
    KeyFormatType.TRANSPARENT_ECDH_PRIVATE_KEY: TransparentECPrivateKey,
    KeyFormatType.TRANSPARENT_ECDH_PUBLIC_KEY: TransparentECPublicKey,
    KeyFormatType.TRANSPARENT_ECMQV_PRIVATE_KEY: TransparentECPrivateKey,
    KeyFormatType.TRANSPARENT_ECMQV_PUBLIC_KEY: TransparentECPublicKey,
    KeyFormatType.TRANSPARENT_EC_PRIVATE_KEY: TransparentECPrivateKey,
    KeyFormatType.TRANSPARENT_EC_PUBLIC_KEY: TransparentECPublicKey,
}


@structure
class KeyValue:
    """Key Value (1.4 §2.1.4): bytes, or the transparent structure the Key Block's format says.

    A structure under a format that has none stays an `Item`.
    """

    key_material: bytes | TransparentKey | Item
    attribute: Annotated[tuple[Attribute, ...], until(V1_4)] = ()
    attributes: Annotated[Attributes | None, since(V2_0)] = None


@structure
class KeyBlock:
    """Key Block (1.4 §2.1.3).

    `key_value` is bytes when it is wrapped, and None when only the meta-data is known (since 1.2).
    """

    key_format_type: e.KeyFormatType
    key_compression_type: e.KeyCompressionType | None = None
    key_value: Annotated[
        KeyValue | bytes | None,
        inner("key_format_type", "key_material", TRANSPARENT),
    ] = None
    cryptographic_algorithm: e.CryptographicAlgorithm | None = None
    cryptographic_length: int | None = None
    key_wrapping_data: KeyWrappingData | None = None


@structure
class Certificate:
    """Certificate (1.4 §2.2.1)."""

    certificate_type: e.CertificateType
    certificate_value: bytes


@structure
class SymmetricKey:
    """Symmetric Key (1.4 §2.2.2)."""

    key_block: KeyBlock


@structure
class PublicKey:
    """Public Key (1.4 §2.2.3)."""

    key_block: KeyBlock


@structure
class PrivateKey:
    """Private Key (1.4 §2.2.4)."""

    key_block: KeyBlock


@structure
class SplitKey:
    """Split Key (1.4 §2.2.5)."""

    split_key_parts: int
    key_part_identifier: int
    split_key_threshold: int
    split_key_method: e.SplitKeyMethod
    prime_field_size: BigInteger | None = None
    key_block: KeyBlock


@structure
class Template:
    """Template (1.4 §2.2.6), deprecated since 1.3, gone in 2.0."""

    attribute: tuple[Attribute, ...]


@structure
class SecretData:
    """Secret Data (1.4 §2.2.7)."""

    secret_data_type: e.SecretDataType
    key_block: KeyBlock


@structure
class OpaqueObject:
    """Opaque Object (1.4 §2.2.8)."""

    opaque_data_type: e.OpaqueDataType
    opaque_data_value: bytes


@structure
class PGPKey:
    """PGP Key (1.4 §2.2.9)."""

    pgp_key_version: int
    key_block: KeyBlock


@structure
class CertificateRequest:
    """Certificate Request (2.1 §2.2)."""

    certificate_request_type: e.CertificateRequestType
    certificate_request_value: bytes


ManagedObject: TypeAlias = (
    Annotated[SymmetricKey, tagged(Tag.SYMMETRIC_KEY)]
    | Annotated[PrivateKey, tagged(Tag.PRIVATE_KEY)]
    | Annotated[PublicKey, tagged(Tag.PUBLIC_KEY)]
    | Annotated[Certificate, tagged(Tag.CERTIFICATE)]
    | Annotated[SecretData, tagged(Tag.SECRET_DATA)]
    | Annotated[OpaqueObject, tagged(Tag.OPAQUE_OBJECT)]
    | Annotated[SplitKey, tagged(Tag.SPLIT_KEY)]
    | Annotated[PGPKey, tagged(Tag.PGP_KEY), since(V1_2)]
    | Annotated[CertificateRequest, tagged(Tag.CERTIFICATE_REQUEST), since(V2_0)]
    | Annotated[Template, tagged(Tag.TEMPLATE), until(V1_4)]
)
"""A managed object; in a payload its own tag says which."""

#: The class of each Object Type.
OBJECT_CLASSES: Final[dict[e.ObjectType, type[ManagedObject]]] = {
    e.ObjectType.CERTIFICATE: Certificate,
    e.ObjectType.SYMMETRIC_KEY: SymmetricKey,
    e.ObjectType.PUBLIC_KEY: PublicKey,
    e.ObjectType.PRIVATE_KEY: PrivateKey,
    e.ObjectType.SPLIT_KEY: SplitKey,
    e.ObjectType.TEMPLATE: Template,
    e.ObjectType.SECRET_DATA: SecretData,
    e.ObjectType.OPAQUE_OBJECT: OpaqueObject,
    e.ObjectType.PGP_KEY: PGPKey,
    e.ObjectType.CERTIFICATE_REQUEST: CertificateRequest,
}


@structure
class Nonce:
    """Nonce (1.4 §2.1.14)."""

    nonce_id: bytes
    nonce_value: bytes


@structure
class UsernameAndPasswordCredential:
    """Credential Value for Username and Password (1.4 §2.1.2)."""

    username: str
    password: Annotated[str | None, SECRET] = None


@structure
class DeviceCredential:
    """Credential Value for Device (1.4 §2.1.2)."""

    device_serial_number: str | None = None
    password: Annotated[str | None, SECRET] = None
    device_identifier: str | None = None
    network_identifier: str | None = None
    machine_identifier: str | None = None
    media_identifier: str | None = None


@structure
class AttestationCredential:
    """Credential Value for Attestation (1.4 §2.1.2)."""

    nonce: Nonce
    attestation_type: e.AttestationType
    attestation_measurement: bytes | None = None
    attestation_assertion: bytes | None = None


@structure
class OneTimePasswordCredential:
    """Credential Value for One Time Password (2.1 §9.11)."""

    username: str
    password: Annotated[str | None, SECRET] = None
    one_time_password: Annotated[str, SECRET]


@structure
class HashedPasswordCredential:
    """Credential Value for Hashed Password (2.1 §9.11)."""

    username: str
    time_stamp: DateTimeExtended
    hashing_algorithm: e.HashingAlgorithm | None = None
    hashed_password: bytes


@structure
class Ticket:
    """Ticket (2.1 §7.39)."""

    ticket_type: e.TicketType
    ticket_value: bytes


@structure
class TicketCredential:
    """Credential Value for Ticket (2.1 §9.11)."""

    ticket: Ticket


CredentialValue: TypeAlias = (
    UsernameAndPasswordCredential
    | DeviceCredential
    | AttestationCredential
    | OneTimePasswordCredential
    | HashedPasswordCredential
    | TicketCredential
    | Item
)

CREDENTIALS: Final[dict[CredentialType, type[CredentialValue]]] = {
    CredentialType.USERNAME_AND_PASSWORD: UsernameAndPasswordCredential,
    CredentialType.DEVICE: DeviceCredential,
    CredentialType.ATTESTATION: AttestationCredential,
    CredentialType.ONE_TIME_PASSWORD: OneTimePasswordCredential,
    CredentialType.HASHED_PASSWORD: HashedPasswordCredential,
    CredentialType.TICKET: TicketCredential,
}


@structure
class Credential:
    """Credential (1.4 §2.1.2)."""

    credential_type: e.CredentialType
    credential_value: Annotated[CredentialValue, cases("credential_type", CREDENTIALS, Item)]
