"""What is asked: each scenario prepares an object on the server and yields the bytes of the request to repeat."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from kmipd.load.client import Client, request
from kmipd.spec import payloads as p
from kmipd.spec.attributes import Attribute, CryptographicParameters, Name, TemplateAttribute
from kmipd.spec.enumerations import (
    BlockCipherMode,
    CryptographicAlgorithm,
    NameType,
    ObjectType,
    Operation,
    PaddingMethod,
)
from kmipd.spec.masks import CryptographicUsageMask
from kmipd.spec.versions import Version

DATA_SIZE = 1024  # bytes to encrypt: a key wrap, a page header, a small record
_USAGE = CryptographicUsageMask.ENCRYPT | CryptographicUsageMask.DECRYPT
Scenario = Callable[[Client, Version], bytes]


def template(name: str | None) -> TemplateAttribute:
    values: list[tuple[str, Any]] = [
        ("Cryptographic Algorithm", CryptographicAlgorithm.AES),
        ("Cryptographic Length", 256),
        ("Cryptographic Usage Mask", _USAGE),
    ]
    if name is not None:
        values.append(("Name", name_of(name)))
    return TemplateAttribute(attribute=tuple(Attribute(attribute_name=n, attribute_value=v) for n, v in values))


def name_of(text: str) -> Name:
    return Name(name_value=text, name_type=NameType.UNINTERPRETED_TEXT_STRING)


def create_payload(name: str | None = None) -> p.CreateRequestPayload:
    return p.CreateRequestPayload(object_type=ObjectType.SYMMETRIC_KEY, template_attribute=template(name))


def _made(client: Client, name: str | None = None) -> str:
    uid = client.call(Operation.CREATE, create_payload(name)).unique_identifier
    assert isinstance(uid, str)
    return uid


def get(client: Client, version: Version) -> bytes:
    payload = p.GetRequestPayload(unique_identifier=_made(client))
    client.call(Operation.GET, payload)  # the first one clears the Fresh attribute; the others only read
    return request(version, (Operation.GET, payload))


def create(_client: Client, version: Version) -> bytes:
    return request(version, (Operation.CREATE, create_payload()))


def encrypt(client: Client, version: Version) -> bytes:
    uid = _made(client)
    client.call(Operation.ACTIVATE, p.ActivateRequestPayload(unique_identifier=uid))
    payload = p.EncryptRequestPayload(
        unique_identifier=uid,
        cryptographic_parameters=CryptographicParameters(
            block_cipher_mode=BlockCipherMode.CBC,
            padding_method=PaddingMethod.PKCS5,
            cryptographic_algorithm=CryptographicAlgorithm.AES,
        ),
        data=bytes(DATA_SIZE),
        iv_counter_nonce=bytes(range(16)),
    )
    return request(version, (Operation.ENCRYPT, payload))


def locate(client: Client, version: Version) -> bytes:
    name = f"bench-{uuid.uuid4()}"
    _made(client, name)
    return request(version, (Operation.LOCATE, locate_payload(name)))


def locate_payload(name: str) -> p.LocateRequestPayload:
    return p.LocateRequestPayload(attribute=(Attribute(attribute_name="Name", attribute_value=name_of(name)),))


SCENARIOS: dict[str, Scenario] = {"get": get, "create": create, "encrypt": encrypt, "locate": locate}
