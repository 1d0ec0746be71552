"""PKCS#12 containers in and out, and keys that two halves of different pairs agree on."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives import serialization as ser
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs12

from kmipd.core.model import Principal
from kmipd.spec import objects as o
from kmipd.spec import payloads as p
from kmipd.spec.attributes import CryptographicDomainParameters, CryptographicParameters, Link
from kmipd.spec.enumerations import (
    CryptographicAlgorithm,
    DerivationMethod,
    KeyFormatType,
    LinkType,
    ObjectType,
    Operation,
    RecommendedCurve,
    ResultReason,
    SecretDataType,
)
from kmipd.spec.masks import CryptographicUsageMask as Mask
from kmipd.spec.payloads.parts import DerivationParameters
from kmipd.spec.tags import Tag
from kmipd.spec.versions import V1_4, V2_0, V2_1, Version
from tests.core.conftest import Service
from tests.support.asking import activate, attributes_of, block, create_pair, get, material, register, secret
from tests.support.client import Refused, wanted

PASSWORD = b"correct horse"
SIGN = (Tag.CRYPTOGRAPHIC_USAGE_MASK, Mask.SIGN)


def _certificate(subject: str, issuer: str, key: Any, signer: Any) -> x509.Certificate:
    now = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    names = [x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, n)]) for n in (subject, issuer)]
    builder = x509.CertificateBuilder(names[1], names[0], key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now).not_valid_after(now + datetime.timedelta(days=400))
    return builder.sign(signer, hashes.SHA256())


@pytest.fixture(scope="module")
def chain() -> tuple[Any, list[x509.Certificate]]:
    """A key, its certificate, an intermediate's and the root's."""
    root, middle, leaf = (ec.generate_private_key(ec.SECP256R1()) for _ in range(3))
    return leaf, [
        _certificate("leaf", "middle", leaf, middle),
        _certificate("middle", "root", middle, root),
        _certificate("root", "root", root, root),
    ]


@pytest.fixture
def service(service: Service) -> Service:
    service.version = V2_1
    return service


def _container(chain: Any, password: bytes = PASSWORD, name: bytes | None = b"Alias") -> o.PrivateKey:
    key, certificates = chain
    data = pkcs12.serialize_key_and_certificates(
        name, key, certificates[0], certificates[:0:-1], ser.BestAvailableEncryption(password)
    )
    return o.PrivateKey(key_block=block(data, KeyFormatType.PKCS_12))


def _password(service: Service, mask: Mask = Mask.DERIVE_KEY, active: bool = True, **options: Any) -> tuple[Tag, Link]:
    uid = register(service, ObjectType.SECRET_DATA, secret(PASSWORD, **options), (Tag.CRYPTOGRAPHIC_USAGE_MASK, mask))
    if active:
        activate(service, uid)
    link = Link(link_type=LinkType.PKCS_12_PASSWORD_LINK, linked_object_identifier=uid)
    return Tag.LINK, link


@pytest.mark.parametrize("version", [V1_4, V2_0, V2_1])
def test_a_container_comes_apart_and_together_again(service: Service, chain: Any, version: Version) -> None:
    service.version = version
    uid = register(service, ObjectType.PRIVATE_KEY, _container(chain), SIGN, _password(service))
    key, certificates = chain
    stored = get(service, uid)
    assert stored.key_block.key_format_type is KeyFormatType.PKCS_8
    assert stored.key_block.key_value.key_material == key.private_bytes(
        ser.Encoding.DER, ser.PrivateFormat.PKCS8, ser.NoEncryption()
    )
    found = attributes_of(service, uid)
    assert found["PKCS#12 Friendly Name"] == "Alias"
    assert (found["Cryptographic Algorithm"], found["Cryptographic Length"]) == (CryptographicAlgorithm.EC, 256)
    values = []
    following = uid
    for _ in certificates:
        following = _next(attributes_of(service, following)["Link"])
        values.append(get(service, following).certificate_value)
    assert values == [c.public_bytes(ser.Encoding.DER) for c in certificates]
    value = get(service, uid, key_format_type=KeyFormatType.PKCS_12).key_block.key_value
    data = value if version == V1_4 else value.key_material
    opened = pkcs12.load_pkcs12(data, PASSWORD)
    assert opened.key is not None
    assert opened.key.public_key() == key.public_key()
    assert opened.cert is not None
    assert opened.cert.friendly_name == b"Alias"
    assert [opened.cert.certificate, *(c.certificate for c in opened.additional_certs)] == certificates


def _next(links: Any) -> str:
    links = links if isinstance(links, list) else [links]
    return next(i.linked_object_identifier for i in links if i.link_type is LinkType.PKCS_12_CERTIFICATE_LINK)


def test_containers_that_do_not_open(service: Service, chain: Any) -> None:
    good = _container(chain)
    cases: list[tuple[Any, list[Any], ResultReason]] = [
        (_container(chain, b"another"), [_password(service)], ResultReason.CRYPTOGRAPHIC_FAILURE),
        (good, [], ResultReason.INVALID_FIELD),
        (good, [_password(service), _password(service)], ResultReason.INVALID_FIELD),
        (good, [_password(service, kind=SecretDataType.SEED)], ResultReason.INVALID_FIELD),
        (good, [_password(service, active=False)], ResultReason.WRONG_KEY_LIFECYCLE_STATE),
        (good, [_password(service, Mask.ENCRYPT)], ResultReason.INCOMPATIBLE_CRYPTOGRAPHIC_USAGE_MASK),
        (good, [_password(service), (Tag.PKCS_12_FRIENDLY_NAME, "else")], ResultReason.INVALID_FIELD),
        (o.PrivateKey(key_block=block(b"junk", KeyFormatType.PKCS_12)), [_password(service)], _FAILED),
    ]
    for structure, attributes, reason in cases:
        with pytest.raises(Refused) as refused:
            register(service, ObjectType.PRIVATE_KEY, structure, SIGN, *attributes)
        assert refused.value.reason is reason
    assert register(service, ObjectType.PRIVATE_KEY, good, SIGN, _password(service), (_NAME, "aLIAS"))


_FAILED = ResultReason.CRYPTOGRAPHIC_FAILURE
_NAME = Tag.PKCS_12_FRIENDLY_NAME


def test_a_foreign_password_is_no_password(service: Service, chain: Any) -> None:
    link = _password(service)
    service.principal = Principal("stranger", "stranger")
    with pytest.raises(Refused) as refused:
        register(service, ObjectType.PRIVATE_KEY, _container(chain), SIGN, link)
    assert refused.value.reason is ResultReason.OBJECT_NOT_FOUND


def test_a_container_of_a_key_without_certificate(service: Service) -> None:
    service.principal = Principal("wrapped", "wrapped")
    private, public = _pair(service, RecommendedCurve.P_256, _password(service))
    data = get(service, private, key_format_type=KeyFormatType.PKCS_12).key_block.key_value.key_material
    opened = pkcs12.load_pkcs12(data, PASSWORD)
    assert opened.cert is None
    request = p.GetRequestPayload(unique_identifier=public, key_format_type=KeyFormatType.PKCS_12)
    assert service.refusal(Operation.GET, request) is ResultReason.KEY_FORMAT_TYPE_NOT_SUPPORTED


def _pair(service: Service, curve: RecommendedCurve, *private: Any, mask: Mask = Mask.DERIVE_KEY) -> tuple[str, str]:
    domain = CryptographicDomainParameters(recommended_curve=curve)
    common = (
        (Tag.CRYPTOGRAPHIC_ALGORITHM, CryptographicAlgorithm.EC),
        (Tag.CRYPTOGRAPHIC_DOMAIN_PARAMETERS, domain),
        (Tag.CRYPTOGRAPHIC_USAGE_MASK, mask),
    )
    return create_pair(service, common, private)


def _agree(service: Service, *uids: str, length: int = 256) -> p.DeriveKeyRequestPayload:
    ecdh = CryptographicParameters(cryptographic_algorithm=CryptographicAlgorithm.ECDH)
    pairs = ((Tag.CRYPTOGRAPHIC_ALGORITHM, CryptographicAlgorithm.AES), (Tag.CRYPTOGRAPHIC_LENGTH, length))
    return p.DeriveKeyRequestPayload(
        object_type=ObjectType.SYMMETRIC_KEY,
        unique_identifier=uids,
        derivation_method=DerivationMethod.ASYMMETRIC_KEY,
        derivation_parameters=DerivationParameters(cryptographic_parameters=ecdh),
        **wanted(service.version, pairs),
    )


@pytest.mark.parametrize("group", ["token", "wrapped"])
@pytest.mark.parametrize("curve", [RecommendedCurve.P_256, RecommendedCurve.P_521, RecommendedCurve.SECP256K1])
def test_both_sides_agree(service: Service, curve: RecommendedCurve, group: str) -> None:
    service.principal = Principal(group, group)
    one, other, third = (_pair(service, curve) for _ in range(3))
    keys = []
    for private, public in ((one[0], other[1]), (other[0], one[1])):
        uid = service.call(Operation.DERIVE_KEY, _agree(service, private, public)).unique_identifier
        keys.append(material(service, uid))
    uid = service.call(Operation.DERIVE_KEY, _agree(service, one[1], other[0])).unique_identifier
    keys.append(material(service, uid))
    assert len(set(keys)) == 1
    uid = service.call(Operation.DERIVE_KEY, _agree(service, one[0], third[1])).unique_identifier
    assert material(service, uid) not in keys


def test_no_agreement(service: Service) -> None:
    one, other = _pair(service, RecommendedCurve.P_256), _pair(service, RecommendedCurve.P_384)
    silent = _pair(service, RecommendedCurve.P_256, mask=Mask.SIGN | Mask.VERIFY)
    cases = [
        ((one[0], other[1]), 256, ResultReason.CRYPTOGRAPHIC_FAILURE),
        ((one[0], one[1]), 512, ResultReason.CRYPTOGRAPHIC_FAILURE),
        ((one[0],), 256, ResultReason.INVALID_OBJECT_TYPE),
        ((one[0], other[0]), 256, ResultReason.INVALID_OBJECT_TYPE),
        ((one[1], other[1]), 256, ResultReason.INVALID_OBJECT_TYPE),
        ((one[0], silent[1]), 256, ResultReason.INCOMPATIBLE_CRYPTOGRAPHIC_USAGE_MASK),
    ]
    for uids, length, reason in cases:
        assert service.refusal(Operation.DERIVE_KEY, _agree(service, *uids, length=length)) is reason
