"""Certificates: issuing, the illegal CSR of a real cluster, revocation, who a certificate stands for."""

from __future__ import annotations

import base64
import contextlib
import datetime as dt
import ipaddress
import ssl
import stat
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives import serialization as ser
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import NameOID

from kmipd.core.model import Principal
from kmipd.trust import csr, refusals
from kmipd.trust.authority import Authority, TrustError
from kmipd.trust.contexts import server_context
from kmipd.trust.identity import Identities, Rule
from kmipd.trust.names import fingerprint


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.create(tmp_path_factory.mktemp("authority"), "test authority", "ec")


def test_server_certificates_name_every_host(authority: Authority) -> None:
    issued = authority.issue_server(["keys.example.com", "192.0.2.1", "::1"], "ec")
    names = issued.certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["keys.example.com"]
    assert names.get_values_for_type(x509.IPAddress) == [ipaddress.ip_address(a) for a in ("192.0.2.1", "::1")]


def test_names_that_fit_no_certificate_are_refused_in_words(authority: Authority) -> None:
    with pytest.raises(TrustError, match="64"):
        authority.issue_client("x" * 65, "ec")
    for host in ("", "k\u00e9ys.example"):
        with pytest.raises(TrustError, match="ASCII"):
            authority.issue_server([host], "ec")


def test_an_authority_is_private_and_never_overwritten(tmp_path: Path) -> None:
    Authority.create(tmp_path, "one", "ec")
    before = (tmp_path / "ca.key").read_bytes()
    assert stat.S_IMODE((tmp_path / "ca.key").stat().st_mode) == 0o600
    with pytest.raises(TrustError, match="already"):
        Authority.create(tmp_path, "two", "ec")
    assert (tmp_path / "ca.key").read_bytes() == before


# Signing requests --------------------------------------------------------------------------------------------


def _device_csr(version: int, key: rsa.RSAPrivateKey | None = None) -> bytes:
    """What an Element cluster sends: RSA-2048, no SAN, and PKCS#10 version 2 signed as it stands."""
    key = key or rsa.generate_private_key(65537, 2048)
    subject = x509.Name(
        [x509.NameAttribute(NameOID.COMMON_NAME, "cluster1"), x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Org")]
    )
    legal = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    info = bytearray(legal.tbs_certrequest_bytes)
    at = bytes(info).index(b"\x02\x01\x00")
    info[at + 2] = version
    signature = key.sign(bytes(info), padding.PKCS1v15(), hashes.SHA256())
    algorithm = bytes.fromhex("300d06092a864886f70d01010b0500")  # sha256WithRSAEncryption
    return _der(0x30, bytes(info) + algorithm + _der(0x03, b"\x00" + signature))


def _der(tag: int, content: bytes) -> bytes:
    size = len(content)
    length = (
        bytes([size]) if size < 128 else b"\x81" + bytes([size]) if size < 256 else b"\x82" + size.to_bytes(2, "big")
    )
    return bytes([tag]) + length + content


@pytest.mark.parametrize("version", [0, 1, 2])
def test_a_csr_of_any_version_is_signed(authority: Authority, version: int) -> None:
    request = csr.load(_device_csr(version))
    assert request.version == version
    certificate = authority.sign(request).certificate
    assert certificate.subject.rfc4514_string() == "O=Org,CN=cluster1"
    usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [x509.oid.ExtendedKeyUsageOID.CLIENT_AUTH]


def test_pem_with_text_around_it_is_read() -> None:
    der = _device_csr(2)
    armoured = b"junk\n-----BEGIN CERTIFICATE REQUEST-----\n" + base64.encodebytes(der)
    armoured += b"-----END CERTIFICATE REQUEST-----\n"
    assert csr.load(armoured).version == 2


def test_a_csr_of_a_key_the_sender_does_not_have_is_refused() -> None:
    der = bytearray(_device_csr(2))
    der[-1] ^= 1
    with pytest.raises(csr.BadRequest, match="does not have it"):
        csr.load(bytes(der))


def test_a_csr_with_a_weak_key_is_refused() -> None:
    key = rsa.generate_private_key(65537, 1024)
    with pytest.raises(csr.BadRequest, match="1024 bits"):
        csr.load(_device_csr(0, key))


def test_any_bytes_are_a_request_or_refused() -> None:
    good = _device_csr(0)
    for at in range(0, len(good), 3):
        changed = bytearray(good)
        changed[at] ^= 0x41
        for data in (bytes(changed), good[:at]):
            try:
                csr.load(data)
            except csr.BadRequest:
                continue


# Identity ----------------------------------------------------------------------------------------------------


def test_rules_match_fields_and_the_default_is_nobody(authority: Authority) -> None:
    certificate = authority.sign(csr.load(_device_csr(0))).certificate
    der = certificate.public_bytes(ser.Encoding.DER)
    rules = (
        Rule(principal="wrong", group="w", subject=(("O", "Other"),)),
        Rule(principal="array", group="arrays", subject=(("O", "Org"), ("CN", "cluster1"))),
    )
    assert Identities(lambda _: None, rules).principal(der) == Principal("array", "arrays")
    assert Identities(lambda _: None).principal(der) is None
    pinned = Rule(principal="p", group="g", fingerprint=fingerprint(certificate).upper())
    assert Identities(lambda _: None, [pinned]).principal(der) == Principal("p", "g")
    enrolled = Identities(lambda f: Principal("enrolled", "e") if f == fingerprint(certificate) else None, rules)
    assert enrolled.principal(der) == Principal("enrolled", "e")


def test_no_rule_lets_in_what_was_revoked(authority: Authority) -> None:
    der = authority.sign(csr.load(_device_csr(0))).certificate.public_bytes(ser.Encoding.DER)
    rule = Rule(principal="array", group="arrays", subject=(("O", "Org"),))
    assert Identities(lambda _: None, [rule], lambda _: False).principal(der) == Principal("array", "arrays")
    assert Identities(lambda _: None, [rule], lambda _: True).principal(der) is None


def test_a_rule_without_conditions_fits_nobody_knowingly() -> None:
    assert Rule(principal="all", group="all").conditions() == 0


# Contexts ----------------------------------------------------------------------------------------------------


def test_the_server_speaks_tls_1_2_and_1_3_and_demands_a_certificate(tmp_path: Path) -> None:
    authority = Authority.create(tmp_path, "a", "ec")
    issued = authority.issue_server(["localhost"], "ec")
    (tmp_path / "s.pem").write_bytes(issued.certificate_pem)
    (tmp_path / "s.key").write_bytes(issued.key_pem)
    context = server_context(tmp_path / "s.pem", tmp_path / "s.key", [tmp_path / "ca.pem"], [tmp_path / "crl.pem"])
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert all("RSA_WITH" not in c["name"] and "NULL" not in c["name"] for c in context.get_ciphers())
    with pytest.raises(TrustError, match=r"gone\.pem is missing"):
        server_context(tmp_path / "s.pem", tmp_path / "s.key", [tmp_path / "gone.pem"], [])


def test_crls_list_the_revoked(tmp_path: Path) -> None:
    authority = Authority.create(tmp_path, "a", "ec")
    serial = authority.issue_client("c", "ec").certificate.serial_number
    authority.write_crl([(serial, dt.datetime.now(dt.UTC))])
    crl = x509.load_pem_x509_crl((tmp_path / "crl.pem").read_bytes())
    assert crl.get_revoked_certificate_by_serial_number(serial) is not None
    public = authority.certificate.public_key()
    assert isinstance(public, ec.EllipticCurvePublicKey)
    assert crl.is_signature_valid(public)


def _handshake(server: ssl.SSLContext, client: ssl.SSLContext) -> None:
    """Both sides in memory; raises what the server's side says of the client."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    sides = [
        client.wrap_bio(to_client, to_server, server_hostname="localhost"),
        server.wrap_bio(to_server, to_client, server_side=True),
    ]
    for _ in range(5):
        for side in sides:
            with contextlib.suppress(ssl.SSLWantReadError):
                side.do_handshake()


def test_a_second_authority_needs_a_revocation_list_too(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The warning names the authority, the refusal has its remedy, and the list or none at all opens the door."""
    ours = Authority.create(tmp_path / "ours", "ours", "ec")
    theirs = Authority.create(tmp_path / "theirs", "theirs", "ec")
    for name, issued in (
        ("server", ours.issue_server(["localhost"], "ec")),
        ("client", theirs.issue_client("c", "ec")),
    ):
        (tmp_path / f"{name}.pem").write_bytes(issued.certificate_pem)
        (tmp_path / f"{name}.key").write_bytes(issued.key_pem)
    client = ssl.create_default_context(cafile=tmp_path / "ours/ca.pem")
    client.load_cert_chain(tmp_path / "client.pem", tmp_path / "client.key")
    lists = [tmp_path / "ours/crl.pem", tmp_path / "theirs/crl.pem"]

    def meet(crls: list[Path]) -> None:
        authorities = [tmp_path / "ours/ca.pem", tmp_path / "theirs/ca.pem"]
        _handshake(server_context(tmp_path / "server.pem", tmp_path / "server.key", authorities, crls), client)

    meet([])
    meet(lists)
    assert not caplog.records
    with pytest.raises(ssl.SSLCertVerificationError) as refused:
        meet(lists[:1])
    assert "no revocation list of CN=theirs" in caplog.text
    assert "tls.crls" in refusals.explain(refused.value)[1]


def test_every_refusal_has_a_remedy() -> None:
    for error in (TimeoutError(), ConnectionResetError("reset"), ssl.SSLError(1, "unknown")):
        reason, remedy = refusals.explain(error)
        assert reason
        assert remedy
    assert refusals.describe(b"rubbish") == {"subject": "unreadable"}
    assert refusals.describe(None) == {}
