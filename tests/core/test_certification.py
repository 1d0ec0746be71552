"""Certify, Re-certify and Validate: who signs, what is in a certificate, and what a chain is worth."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives import serialization as ser
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from kmipd.core.model import Principal
from kmipd.spec import objects as o
from kmipd.spec import payloads as p
from kmipd.spec.enumerations import (
    CertificateRequestType,
    CertificateType,
    CryptographicAlgorithm,
    KeyFormatType,
    LinkType,
    ObjectType,
    Operation,
    ResultReason,
    RevocationReasonCode,
    ValidityIndicator,
)
from kmipd.spec.masks import CryptographicUsageMask as Mask
from kmipd.spec.tags import Tag
from kmipd.spec.versions import V1_4, V2_1
from tests.core.conftest import Service
from tests.support.asking import attributes_of, create_pair, destroy, get, name, register, revoke
from tests.support.authorities import NAME, certificate, linked, register_authority, structure
from tests.support.client import attributes

USAGE = Tag.CRYPTOGRAPHIC_USAGE_MASK
VALID, INVALID, UNKNOWN = ValidityIndicator.VALID, ValidityIndicator.INVALID, ValidityIndicator.UNKNOWN
ROOT_KEY = rsa.generate_private_key(65537, 2048)


@pytest.fixture
def service(service: Service) -> Service:
    service.version = V2_1
    service.configure(replace(service.services.settings, certify_with=NAME))
    return service


@pytest.fixture
def authority(service: Service) -> tuple[str, str]:
    return register_authority(service, service.clock.now(), ROOT_KEY)


def _request(key: Any, common_name: str = "client", *extensions: x509.ExtensionType) -> bytes:
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common_name)])
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    return builder.sign(key, hashes.SHA256()).public_bytes(ser.Encoding.DER)


def _certify(data: bytes | None, *pairs: Any, uid: str | None = None, **more: Any) -> tuple[Operation, Any]:
    kind = None if data is None else CertificateRequestType.PKCS_10
    fields: dict[str, Any] = {"certificate_request_type": kind, "certificate_request_value": data} | more
    return Operation.CERTIFY, p.CertifyRequestPayload(unique_identifier=uid, attributes=attributes(pairs), **fields)


def _made(service: Service, request: tuple[Operation, Any]) -> tuple[str, x509.Certificate]:
    uid = service.call(*request).unique_identifier
    return uid, x509.load_der_x509_certificate(get(service, uid).certificate_value)


def _pair(service: Service, algorithm: CryptographicAlgorithm, length: int, *common: Any) -> tuple[str, str]:
    pair = ((Tag.CRYPTOGRAPHIC_ALGORITHM, algorithm), (Tag.CRYPTOGRAPHIC_LENGTH, length), *common)
    return create_pair(service, pair, ((USAGE, Mask.SIGN),), ((USAGE, Mask.VERIFY),))


def test_a_certificate_for_a_request(service: Service, authority: tuple[str, str]) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    names = x509.SubjectAlternativeName([x509.DNSName("client.example")])
    wants_more = x509.BasicConstraints(ca=True, path_length=None)
    data = _request(key, "client", names, wants_more)
    uid, made = _made(service, _certify(data, (USAGE, Mask.SIGN | Mask.VERIFY)))
    root = x509.load_der_x509_certificate(get(service, authority[1]).certificate_value)
    made.verify_directly_issued_by(root)
    assert made.public_key() == key.public_key()
    assert made.subject.rfc4514_string() == "CN=client"
    assert made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value == names
    assert made.extensions.get_extension_for_class(x509.BasicConstraints).value.ca is False, "whatever was asked"
    usage = made.extensions.get_extension_for_class(x509.KeyUsage).value
    assert (usage.digital_signature, usage.key_cert_sign, usage.key_encipherment) == (True, False, False)
    end = made.not_valid_after_utc - dt.datetime.fromtimestamp(service.clock.now(), dt.UTC)
    assert end == dt.timedelta(days=service.services.settings.certify_days)
    found = attributes_of(service, uid)
    assert found["Cryptographic Algorithm"] is CryptographicAlgorithm.EC
    assert found["X.509 Certificate Subject"].subject_distinguished_name == made.subject.public_bytes()


@pytest.mark.parametrize("group", ["token", "wrapped"])
@pytest.mark.parametrize(("algorithm", "length"), [("RSA", 2048), ("EC", 256), ("EC", 384)])
def test_the_authoritys_key_signs_where_it_is(service: Service, algorithm: str, length: int, group: str) -> None:
    """The authority makes itself in the token: a key pair, and a certificate for it that somebody else signs."""
    service.principal = Principal(group, group)
    pair = (
        (Tag.CRYPTOGRAPHIC_ALGORITHM, CryptographicAlgorithm[algorithm]),
        (Tag.CRYPTOGRAPHIC_LENGTH, length),
        (Tag.ACTIVATION_DATE, service.clock.now()),
    )
    title = f"authority-{algorithm}-{length}"
    extractable = ((Tag.EXTRACTABLE, False),) if group == "token" else ()
    private, public = create_pair(
        service, pair, ((USAGE, Mask.SIGN | Mask.CERTIFICATE_SIGN), (Tag.NAME, name(title)), *extractable)
    )
    key = ser.load_der_public_key(_spki(service, public))
    now = service.clock.now()
    begin = dt.datetime.fromtimestamp(now, dt.UTC) - dt.timedelta(days=1)
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, title)])
    builder = x509.CertificateBuilder(subject, subject, key, 1)  # type: ignore[arg-type]
    builder = builder.not_valid_before(begin).not_valid_after(begin + dt.timedelta(days=30))
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    certified = register(service, ObjectType.CERTIFICATE, structure(builder.sign(ROOT_KEY, hashes.SHA256())))
    link = p.AddAttributeRequestPayload(
        unique_identifier=private, new_attribute=attributes((linked(certified),)).values[0]
    )
    service.call(Operation.ADD_ATTRIBUTE, link)
    service.configure(replace(service.services.settings, certify_with=title))
    _, made = _made(service, _certify(_request(ec.generate_private_key(ec.SECP256R1()))))
    made.verify_directly_issued_by(x509.load_der_x509_certificate(get(service, certified).certificate_value))
    assert made.not_valid_after_utc == begin + dt.timedelta(days=30), "no longer than the authority"


def _spki(service: Service, uid: str) -> bytes:
    return bytes(get(service, uid, key_format_type=KeyFormatType.X_509).key_block.key_value.key_material)


def test_a_public_key_is_certified_and_linked(service: Service, authority: tuple[str, str]) -> None:
    private, public = _pair(service, CryptographicAlgorithm.EC, 256, (Tag.NAME, name("array")))
    first, made = _made(service, _certify(None, uid=public))
    assert made.subject.rfc4514_string() == "CN=array"
    assert made.public_key() == ser.load_der_public_key(_spki(service, public))
    assert _links(service, first) == {LinkType.PUBLIC_KEY_LINK: public}
    assert _links(service, public) == {LinkType.PRIVATE_KEY_LINK: private, LinkType.CERTIFICATE_LINK: first}
    other = _certify(_request(ec.generate_private_key(ec.SECP256R1())), uid=public)
    assert service.refusal(*other) is ResultReason.INVALID_CSR


def _links(service: Service, uid: str) -> dict[LinkType, str]:
    links = attributes_of(service, uid, Tag.LINK).get("Link", [])
    return {i.link_type: i.linked_object_identifier for i in (links if isinstance(links, list) else [links])}


def test_the_next_certificate_takes_over(service: Service, authority: tuple[str, str]) -> None:
    _, public = _pair(service, CryptographicAlgorithm.EC, 256)
    dated = ((Tag.ACTIVATION_DATE, service.clock.now()), (Tag.DEACTIVATION_DATE, service.clock.now() + 86_400))
    old, first = _made(service, _certify(None, (Tag.NAME, name("one")), *dated, uid=public))
    service.clock.time += 1000
    request = p.ReCertifyRequestPayload(unique_identifier=old, offset=60, attributes=attributes(()))
    new, second = _made(service, (Operation.RE_CERTIFY, request))
    assert (second.subject, second.public_key()) == (first.subject, first.public_key())
    assert second.serial_number != first.serial_number
    found = attributes_of(service, new)
    assert found["Name"] == name("one")
    assert "Name" not in attributes_of(service, old)
    assert found["Activation Date"] == service.clock.now() + 60
    assert found["Deactivation Date"] == dated[1][1] + 1060
    assert _links(service, new) == {LinkType.PUBLIC_KEY_LINK: public, LinkType.REPLACED_OBJECT_LINK: old}
    assert _links(service, old)[LinkType.REPLACEMENT_OBJECT_LINK] == new
    assert _links(service, public)[LinkType.CERTIFICATE_LINK] == new
    assert service.refusal(Operation.RE_CERTIFY, request) is ResultReason.PERMISSION_DENIED, "only the newest"
    other = replace(
        request,
        unique_identifier=new,
        certificate_request_type=CertificateRequestType.PKCS_10,
        certificate_request_value=_request(ec.generate_private_key(ec.SECP256R1())),
    )
    assert service.refusal(Operation.RE_CERTIFY, other) is ResultReason.INVALID_CSR


def test_a_stored_request_and_the_old_words(service: Service, authority: tuple[str, str]) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    pem = x509.load_der_x509_csr(_request(key)).public_bytes(ser.Encoding.PEM)
    stored = o.CertificateRequest(certificate_request_type=CertificateRequestType.PEM, certificate_request_value=pem)
    uid = register(service, ObjectType.CERTIFICATE_REQUEST, stored)
    _, made = _made(service, _certify(None, uid=uid))
    assert made.public_key() == key.public_key()
    service.version = V1_4
    old = p.CertifyRequestPayload(
        certificate_request_type=CertificateRequestType.PKCS_10, certificate_request=_request(key)
    )
    assert _made(service, (Operation.CERTIFY, old))[1].public_key() == key.public_key()


def test_nothing_is_signed_without_an_authority(service: Service) -> None:
    request = _certify(_request(ec.generate_private_key(ec.SECP256R1())))
    denied = ResultReason.PERMISSION_DENIED
    assert service.refusal(*request) is denied, "the group has none"
    service.configure(replace(service.services.settings, certify_with=""))
    register_authority(service, service.clock.now(), ROOT_KEY)
    assert service.refusal(*request) is denied, "the settings name none"
    service.configure(replace(service.services.settings, certify_with=NAME))
    assert service.refusal(*request) is None
    owner, service.principal = service.principal, Principal("stranger", "stranger")
    assert service.refusal(*request) is denied, "another group's is none"
    service.principal = owner


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"ca": False}, ResultReason.PERMISSION_DENIED),
        ({"days": 0}, ResultReason.PERMISSION_DENIED),
    ],
)
def test_authorities_that_are_none(service: Service, options: dict[str, Any], reason: ResultReason) -> None:
    register_authority(service, service.clock.now(), ROOT_KEY, **options)
    assert service.refusal(*_certify(_request(ec.generate_private_key(ec.SECP256R1())))) is reason


def test_a_certificate_of_another_key_is_not_the_authoritys(service: Service) -> None:
    private, _ = register_authority(service, service.clock.now(), ROOT_KEY)
    other = certificate(rsa.generate_private_key(65537, 2048), service.clock.now())
    uid = register(service, ObjectType.CERTIFICATE, structure(other))
    found = attributes_of(service, private)["Link"]
    current = attributes(((Tag.LINK, found),)).values[0]
    change = p.ModifyAttributeRequestPayload(
        unique_identifier=private, current_attribute=current, new_attribute=attributes((linked(uid),)).values[0]
    )
    service.call(Operation.MODIFY_ATTRIBUTE, change)
    request = _certify(_request(ec.generate_private_key(ec.SECP256R1())))
    assert service.refusal(*request) is ResultReason.PERMISSION_DENIED


def test_a_revoked_authority_signs_no_more(service: Service, authority: tuple[str, str]) -> None:
    request = _certify(_request(ec.generate_private_key(ec.SECP256R1())))
    revoke(service, authority[0])
    assert service.refusal(*request) is ResultReason.WRONG_KEY_LIFECYCLE_STATE


def test_requests_that_are_refused(service: Service, authority: tuple[str, str]) -> None:
    good = _request(ec.generate_private_key(ec.SECP256R1()))
    crmf = {"certificate_request_type": CertificateRequestType.CRMF}
    cases = [
        (_certify(good[:-1] + bytes([good[-1] ^ 1])), ResultReason.INVALID_CSR),
        (_certify(b"junk"), ResultReason.INVALID_CSR),
        (_certify(bytes(100_000)), ResultReason.INVALID_CSR),
        (_certify(good, **crmf), ResultReason.FEATURE_NOT_SUPPORTED),
        (_certify(good, (USAGE, Mask.CERTIFICATE_SIGN)), ResultReason.PERMISSION_DENIED),
        (_certify(None, uid=authority[0]), ResultReason.INVALID_OBJECT_TYPE),
        (_certify(None), ResultReason.ITEM_NOT_FOUND),
        (_certify(good, (Tag.DEACTIVATION_DATE, 2**40)), ResultReason.INVALID_FIELD),
        (_certify(good, (Tag.DEACTIVATION_DATE, service.clock.now() - 86_400)), ResultReason.INVALID_ATTRIBUTE_VALUE),
    ]
    for request, reason in cases:
        assert service.refusal(*request) is reason


# Validate ----------------------------------------------------------------------------------------------------


def _validate(service: Service, *certificates: x509.Certificate, uids: Any = (), **more: Any) -> ValidityIndicator:
    given = tuple(structure(c) for c in certificates)
    request = p.ValidateRequestPayload(certificate=given, unique_identifier=tuple(uids), **more)
    verdict: ValidityIndicator = service.call(Operation.VALIDATE, request).validity_indicator
    return verdict


def test_what_a_chain_is_worth(service: Service, authority: tuple[str, str]) -> None:
    _, leaf = _made(service, _certify(_request(ec.generate_private_key(ec.SECP256R1()))))
    root = x509.load_der_x509_certificate(get(service, authority[1]).certificate_value)
    assert _validate(service, leaf, uids=[authority[1]]) is VALID
    assert _validate(service, uids=[authority[1]]) is VALID
    assert _validate(service, root, leaf) is UNKNOWN, "a root that came with the request proves nothing"
    assert _validate(service, leaf) is UNKNOWN
    impostor = certificate(ec.generate_private_key(ec.SECP256R1()), service.clock.now())
    assert _validate(service, leaf, impostor) is INVALID, "of the same name, but another key"
    assert _validate(service, leaf, root, certificate(ROOT_KEY, service.clock.now(), subject=leaf.subject)) is INVALID
    later = service.clock.now() + 10_000 * 86_400
    assert _validate(service, leaf, uids=[authority[1]], validity_date=later) is INVALID
    unfit = certificate(ROOT_KEY, service.clock.now(), ca=False)
    assert _validate(service, leaf, unfit) is INVALID, "its issuer is no authority"
    revoke(service, authority[1], RevocationReasonCode.CA_COMPROMISE)
    assert _validate(service, leaf, uids=[authority[1]]) is INVALID


def test_validate_refuses_what_is_no_chain(service: Service, authority: tuple[str, str]) -> None:
    made = certificate(ROOT_KEY, service.clock.now())
    with pytest.raises(Exception, match="1 to 16"):
        _validate(service)
    request = p.ValidateRequestPayload(certificate=(structure(made),) * 17)
    assert service.refusal(Operation.VALIDATE, request) is ResultReason.INVALID_FIELD
    junk = o.Certificate(certificate_type=CertificateType.X_509, certificate_value=b"junk")
    request = p.ValidateRequestPayload(certificate=(junk,))
    assert service.refusal(Operation.VALIDATE, request) is ResultReason.INVALID_FIELD
    request = p.ValidateRequestPayload(certificate=(structure(made),), validity_date=2**40)
    assert service.refusal(Operation.VALIDATE, request) is ResultReason.INVALID_FIELD
    request = p.ValidateRequestPayload(unique_identifier=(authority[0],))
    assert service.refusal(Operation.VALIDATE, request) is ResultReason.INVALID_OBJECT_TYPE
    destroyed = register(service, ObjectType.CERTIFICATE, structure(made))
    destroy(service, destroyed)
    assert _validate(service, uids=[destroyed]) is INVALID
