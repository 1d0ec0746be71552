"""Requests that many tests make, in the words of the client's version."""

from __future__ import annotations

from typing import Any, Protocol

from kmipd.spec import objects as o
from kmipd.spec import payloads as p
from kmipd.spec.attributes import Attributes, Name, RevocationReason
from kmipd.spec.enumerations import (
    CryptographicAlgorithm,
    KeyFormatType,
    NameType,
    ObjectType,
    Operation,
    RevocationReasonCode,
    SecretDataType,
)
from kmipd.spec.masks import CryptographicUsageMask
from kmipd.spec.tags import Tag
from kmipd.spec.versions import V2_0, Version
from tests.support.client import Pairs, attributes, found, template, wanted


class Asks(Protocol):
    """A client over a socket, or a service in this process."""

    @property
    def version(self) -> Version: ...

    def call(self, operation: Operation, payload: Any) -> Any:
        """The response payload; Refused."""


ENCRYPT_DECRYPT = CryptographicUsageMask.ENCRYPT | CryptographicUsageMask.DECRYPT


def name(text: str) -> Name:
    return Name(name_value=text, name_type=NameType.UNINTERPRETED_TEXT_STRING)


def aes(*more: tuple[Tag | str, Any], length: int = 256, mask: CryptographicUsageMask = ENCRYPT_DECRYPT) -> Pairs:
    """The attributes of an AES key to be made."""
    return (
        (Tag.CRYPTOGRAPHIC_ALGORITHM, CryptographicAlgorithm.AES),
        (Tag.CRYPTOGRAPHIC_LENGTH, length),
        (Tag.CRYPTOGRAPHIC_USAGE_MASK, mask),
        *more,
    )


def create_request(version: Version, pairs: Pairs) -> p.CreateRequestPayload:
    return p.CreateRequestPayload(object_type=ObjectType.SYMMETRIC_KEY, **wanted(version, pairs))


def create(client: Asks, *more: tuple[Tag | str, Any], **options: Any) -> str:
    """An AES key; its identifier."""
    made = client.call(Operation.CREATE, create_request(client.version, aes(*more, **options)))
    return str(made.unique_identifier)


def create_pair(client: Asks, common: Pairs, private: Pairs = (), public: Pairs = ()) -> tuple[str, str]:
    """Private and public identifier."""
    parts = {"common": common, "private_key": private, "public_key": public}
    if client.version >= V2_0:
        fields: dict[str, Any] = {f"{k}_attributes": attributes(v) for k, v in parts.items() if v}
    else:
        fields = {f"{k}_template_attribute": template(v) for k, v in parts.items() if v}
    made = client.call(Operation.CREATE_KEY_PAIR, p.CreateKeyPairRequestPayload(**fields))
    return made.private_key_unique_identifier, made.public_key_unique_identifier


def register(client: Asks, object_type: ObjectType, structure: Any, *more: tuple[Tag | str, Any]) -> str:
    payload = p.RegisterRequestPayload(
        object_type=object_type, managed_object=structure, **wanted(client.version, more)
    )
    return str(client.call(Operation.REGISTER, payload).unique_identifier)


def block(
    material: Any,
    key_format: KeyFormatType = KeyFormatType.RAW,
    algorithm: CryptographicAlgorithm | None = None,
    length: int | None = None,
    **more: Any,
) -> o.KeyBlock:
    return o.KeyBlock(
        key_format_type=key_format,
        key_value=o.KeyValue(key_material=material),
        cryptographic_algorithm=algorithm,
        cryptographic_length=length,
        **more,
    )


def symmetric(material: bytes, length: int | None = None, **more: Any) -> o.SymmetricKey:
    made = block(material, algorithm=CryptographicAlgorithm.AES, length=length or len(material) * 8, **more)
    return o.SymmetricKey(key_block=made)


def secret(
    material: bytes, kind: SecretDataType = SecretDataType.PASSWORD, key_format: KeyFormatType = KeyFormatType.OPAQUE
) -> o.SecretData:
    return o.SecretData(secret_data_type=kind, key_block=block(material, key_format))


def opaque(data: bytes) -> o.OpaqueObject:
    """The standard names no Opaque Data Type; this is a vendor's."""
    kind: Any = 0x80000001
    return o.OpaqueObject(opaque_data_type=kind, opaque_data_value=data)


def get(client: Asks, uid: str | None, **options: Any) -> Any:
    """The managed object."""
    return client.call(Operation.GET, p.GetRequestPayload(unique_identifier=uid, **options)).managed_object


def material(client: Asks, uid: str, **options: Any) -> Any:
    return get(client, uid, **options).key_block.key_value.key_material


def activate(client: Asks, uid: str) -> None:
    client.call(Operation.ACTIVATE, p.ActivateRequestPayload(unique_identifier=uid))


def revoke_request(uid: str | None, code: RevocationReasonCode = RevocationReasonCode.CESSATION_OF_OPERATION) -> Any:
    reason = RevocationReason(revocation_reason_code=code)
    return p.RevokeRequestPayload(unique_identifier=uid, revocation_reason=reason)


def revoke(client: Asks, uid: str, code: RevocationReasonCode = RevocationReasonCode.CESSATION_OF_OPERATION) -> None:
    client.call(Operation.REVOKE, revoke_request(uid, code))


def destroy(client: Asks, uid: str) -> None:
    client.call(Operation.DESTROY, p.DestroyRequestPayload(unique_identifier=uid))


def attributes_request(version: Version, uid: str | None, *tags: Tag) -> p.GetAttributesRequestPayload:
    """Without tags: all of them."""
    if version >= V2_0:
        return p.GetAttributesRequestPayload(unique_identifier=uid, attribute_reference=tags)
    names = tuple(a.attribute_name for a in template([(t, 0) for t in tags]).attribute)
    return p.GetAttributesRequestPayload(unique_identifier=uid, attribute_name=names)


def attributes_of(client: Asks, uid: str, *tags: Tag) -> dict[str, Any]:
    return found(client.call(Operation.GET_ATTRIBUTES, attributes_request(client.version, uid, *tags)))


def locate_request(version: Version, pairs: Pairs, **options: Any) -> p.LocateRequestPayload:
    if version >= V2_0:
        return p.LocateRequestPayload(attributes=attributes(pairs) if pairs else Attributes(), **options)
    return p.LocateRequestPayload(attribute=template(pairs).attribute, **options)


def locate(client: Asks, *pairs: tuple[Tag | str, Any], **options: Any) -> list[str]:
    answer = client.call(Operation.LOCATE, locate_request(client.version, pairs, **options))
    return list(answer.unique_identifier)
