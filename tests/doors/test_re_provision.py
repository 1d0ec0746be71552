"""Clients that replace their own certificates: what they are known by afterwards, and what they are not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives import serialization as ser
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from kmipd.spec import objects as o
from kmipd.spec import payloads as p
from kmipd.spec.enumerations import CertificateRequestType, CertificateType, CredentialType, Operation, ResultReason
from kmipd.spec.messages import Authentication
from kmipd.spec.versions import V2_1
from tests.support.asking import create, get
from tests.support.client import Client, Ended, Refused
from tests.support.server import Identity, Server

RE_PROVISION = Operation.RE_PROVISION
PEM, PKCS8, CLEAR = ser.Encoding.PEM, ser.PrivateFormat.PKCS8, ser.NoEncryption()


@pytest.fixture
def renewing(own_server: Server) -> Server:
    return own_server.configure("keys", re_provision=True).configure("limits", recheck=0.1).start()


def _with(identity: Identity, directory: Path, certificate: bytes, key: bytes) -> Identity:
    """The same client with these, in DER."""
    directory.mkdir()
    parsed = ser.load_der_private_key(key, None)
    (directory / "key.pem").write_bytes(parsed.private_bytes(PEM, PKCS8, CLEAR))
    loaded = x509.load_der_x509_certificate(certificate)
    (directory / "cert.pem").write_bytes(loaded.public_bytes(PEM))
    (directory / "ca.pem").write_bytes(identity.ca.read_bytes())
    return replace(identity, directory=directory)


def _refused(server: Server, identity: Identity) -> bool:
    try:
        with Client.connect(server, identity, V2_1) as client:
            return client.refusal(Operation.QUERY, p.QueryRequestPayload(query_function=())) is not None
    except (Ended, OSError):
        return True


def test_a_client_has_its_request_certified(renewing: Server, tmp_path: Path) -> None:
    identity = renewing.enrol()
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "renewed")])
    csr = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    asked = o.CertificateRequest(
        certificate_request_type=CertificateRequestType.PKCS_10,
        certificate_request_value=csr.public_bytes(ser.Encoding.DER),
    )
    with Client.connect(renewing, identity, V2_1) as client:
        kept = create(client)
        made = client.call(RE_PROVISION, p.ReProvisionRequestPayload(certificate_request=asked))
    der = key.private_bytes(ser.Encoding.DER, PKCS8, CLEAR)
    assert _refused(renewing, identity), "what it was known by does not count any more"
    server_side = renewing.enrol(group=identity.group)
    with Client.connect(renewing, server_side, V2_1) as other:
        certificate = get(other, made.unique_identifier).certificate_value
    with Client.connect(renewing, _with(identity, tmp_path / "new", certificate, der), V2_1) as client:
        assert get(client, kept), "the same client, with its keys"


def test_the_server_makes_key_and_certificate(renewing: Server, tmp_path: Path) -> None:
    identity = renewing.enrol()
    observer = renewing.enrol(group=identity.group)
    with Client.connect(renewing, identity, V2_1) as client, Client.connect(renewing, observer, V2_1) as other:
        uid = client.call(RE_PROVISION, p.ReProvisionRequestPayload()).unique_identifier
        key = get(other, uid).key_block.key_value.key_material
        found = other.call(Operation.GET_ATTRIBUTES, p.GetAttributesRequestPayload(unique_identifier=uid))
        link = next(i.value for i in found.attributes.values if hasattr(i.value, "linked_object_identifier"))
        certificate = get(other, link.linked_object_identifier).certificate_value
    assert _refused(renewing, identity)
    assert not _refused(renewing, _with(identity, tmp_path / "new", certificate, key))


def test_another_client_s_certificate_is_not_taken(renewing: Server) -> None:
    identity, other = renewing.enrol(), renewing.enrol()
    der = x509.load_pem_x509_certificate(other.certificate.read_bytes()).public_bytes(ser.Encoding.DER)
    for value, reason in ((der, ResultReason.PERMISSION_DENIED), (b"no certificate", ResultReason.INVALID_FIELD)):
        taken = o.Certificate(certificate_type=CertificateType.X_509, certificate_value=value)
        with Client.connect(renewing, identity, V2_1) as client:
            assert client.refusal(RE_PROVISION, p.ReProvisionRequestPayload(certificate=taken)) is reason
    assert not _refused(renewing, identity)
    assert not _refused(renewing, other)


def test_a_ticket_is_not_enough(renewing: Server) -> None:
    identity = renewing.enrol()
    with Client.connect(renewing, identity, V2_1) as client:
        ticket = client.call(Operation.LOGIN, p.LoginRequestPayload()).ticket
        value = o.TicketCredential(ticket=ticket)
        shown = o.Credential(credential_type=CredentialType.TICKET, credential_value=value)
        with pytest.raises(Refused, match="by the certificate only"):
            client.call(RE_PROVISION, p.ReProvisionRequestPayload(), authentication=Authentication(credential=(shown,)))
    assert not _refused(renewing, identity)


def test_it_is_off_unless_the_operator_wants_it(server: Server, identity: Identity) -> None:
    with Client.connect(server, identity, V2_1) as client:
        reason = client.refusal(RE_PROVISION, p.ReProvisionRequestPayload())
        assert reason is ResultReason.OPERATION_NOT_SUPPORTED
