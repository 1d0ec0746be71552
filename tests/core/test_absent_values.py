"""Objects without their Key Value, one-time pads, and kinds that are given to nobody."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from kmipd.core.services import WrappedValue
from kmipd.spec import objects as o
from kmipd.spec import payloads as p
from kmipd.spec.attributes import CryptographicParameters, KeyValueLocation
from kmipd.spec.enumerations import (
    BlockCipherMode,
    CryptographicAlgorithm,
    EncodingOption,
    KeyFormatType,
    KeyValueLocationType,
    ObjectType,
    Operation,
    ResultReason,
    WrappingMethod,
)
from kmipd.spec.masks import CryptographicUsageMask as Mask
from kmipd.spec.tags import Tag
from kmipd.spec.versions import V2_1
from tests.core.conftest import Service
from tests.support.asking import (
    activate,
    attributes_of,
    create,
    destroy,
    get,
    register,
    secret,
    symmetric,
)
from tests.support.client import Refused

LOCATION = KeyValueLocation(
    key_value_location_value="HSM-13345",
    key_value_location_type=KeyValueLocationType.UNINTERPRETED_TEXT_STRING,
)
ABSENT = o.SymmetricKey(
    key_block=o.KeyBlock(
        key_format_type=KeyFormatType.RAW,
        cryptographic_algorithm=CryptographicAlgorithm.AES,
        cryptographic_length=128,
    )
)
MASK = (Tag.CRYPTOGRAPHIC_USAGE_MASK, Mask.ENCRYPT | Mask.WRAP_KEY)
ECB = CryptographicParameters(block_cipher_mode=BlockCipherMode.ECB)


def test_meta_data_is_kept_and_nothing_else_is_pretended(service: Service) -> None:
    service.version = V2_1
    uid = register(service, ObjectType.SYMMETRIC_KEY, ABSENT, MASK, (Tag.KEY_VALUE_LOCATION, LOCATION))
    assert get(service, uid) == ABSENT
    found = attributes_of(service, uid)
    assert found["Key Value Present"] is False
    assert found["Key Value Location"] == LOCATION
    assert "Digest" not in found
    activate(service, uid)
    request = p.EncryptRequestPayload(unique_identifier=uid, cryptographic_parameters=ECB, data=bytes(16))
    absent = ResultReason.KEY_VALUE_NOT_PRESENT
    assert service.refusal(Operation.ENCRYPT, request) is absent
    other_format = p.GetRequestPayload(unique_identifier=uid, key_format_type=KeyFormatType.TRANSPARENT_SYMMETRIC_KEY)
    assert service.refusal(Operation.GET, other_format) is absent


def test_a_location_is_for_absent_values_and_the_presence_is_the_servers(service: Service) -> None:
    for structure, attribute, reason in (
        (symmetric(bytes(16)), (Tag.KEY_VALUE_LOCATION, LOCATION), ResultReason.INVALID_ATTRIBUTE),
        (ABSENT, (Tag.KEY_VALUE_PRESENT, True), ResultReason.ATTRIBUTE_READ_ONLY),
    ):
        service.version = V2_1
        with pytest.raises(Refused) as refused:
            register(service, ObjectType.SYMMETRIC_KEY, structure, attribute)
        assert refused.value.reason is reason


def test_a_pad_enciphers_no_more_than_it_has(service: Service) -> None:
    algorithm = (Tag.CRYPTOGRAPHIC_ALGORITHM, CryptographicAlgorithm.ONE_TIME_PAD)
    both = (Tag.CRYPTOGRAPHIC_USAGE_MASK, Mask.ENCRYPT | Mask.DECRYPT)
    uid = register(service, ObjectType.SECRET_DATA, secret(bytes.fromhex("fc932e1428bd")), algorithm, both)
    activate(service, uid)
    plain = bytes.fromhex("010203040506")
    sealed = service.call(Operation.ENCRYPT, p.EncryptRequestPayload(unique_identifier=uid, data=plain)).data
    assert sealed == bytes.fromhex("fd912d102dbb")
    assert service.call(Operation.DECRYPT, p.DecryptRequestPayload(unique_identifier=uid, data=sealed)).data == plain
    long = p.EncryptRequestPayload(unique_identifier=uid, data=plain + b"x")
    assert service.refusal(Operation.ENCRYPT, long) is ResultReason.CRYPTOGRAPHIC_FAILURE


@pytest.mark.parametrize("kind", [ObjectType.SYMMETRIC_KEY, CryptographicAlgorithm.AES])
def test_withheld_kinds_work_and_never_leave(service: Service, kind: Any) -> None:
    service.version = V2_1
    service.configure(replace(service.services.settings, withheld=frozenset({kind})))
    uid = create(service)
    kek = create(service, mask=Mask.WRAP_KEY)
    for key in (uid, kek):
        activate(service, key)
    wrap = _wrapping(kek)
    for options in ({}, {"key_wrapping_specification": wrap}):
        request = p.GetRequestPayload(unique_identifier=uid, **options)
        assert service.refusal(Operation.GET, request) is ResultReason.PERMISSION_DENIED
        export = p.ExportRequestPayload(unique_identifier=uid, **options)
        assert service.refusal(Operation.EXPORT, export) is ResultReason.PERMISSION_DENIED
    request = p.EncryptRequestPayload(unique_identifier=uid, cryptographic_parameters=ECB, data=bytes(16))
    assert service.refusal(Operation.ENCRYPT, request) is None


def _wrapping(kek: str) -> o.KeyWrappingSpecification:
    return o.KeyWrappingSpecification(
        wrapping_method=WrappingMethod.ENCRYPT,
        encryption_key_information=o.EncryptionKeyInformation(unique_identifier=kek),
        encoding_option=EncodingOption.NO_ENCODING,
    )


@pytest.mark.parametrize("setting", WrappedValue)
def test_a_wrapped_value_is_bytes_or_a_structure(service: Service, setting: WrappedValue) -> None:
    service.configure(replace(service.services.settings, wrapped_value=setting))
    kek, uid = create(service, mask=Mask.WRAP_KEY), create(service)
    activate(service, kek)
    value = get(service, uid, key_wrapping_specification=_wrapping(kek)).key_block.key_value
    wrapped = value.key_material if setting is WrappedValue.STRUCTURE else value
    assert isinstance(wrapped, bytes)
    assert len(wrapped) == 40
    destroy(service, uid)
