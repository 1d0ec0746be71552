"""The cluster's key pair, its certificate signing request, and checks of what operators hand in."""

from __future__ import annotations

import base64
from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from kmipd.cluster.errors import ElementError
from kmipd.cluster.secret import Secret

# Parameter of CreatePublicPrivateKeyPair -> its place in the subject, in the order of a real Element CSR.
SUBJECT: Final = {
    "commonName": NameOID.COMMON_NAME,
    "organization": NameOID.ORGANIZATION_NAME,
    "organizationalUnit": NameOID.ORGANIZATIONAL_UNIT_NAME,
    "locality": NameOID.LOCALITY_NAME,
    "state": NameOID.STATE_OR_PROVINCE_NAME,
    "country": NameOID.COUNTRY_NAME,
    "emailAddress": NameOID.EMAIL_ADDRESS,
}
_SHA256_RSA: Final = bytes.fromhex("300d06092a864886f70d01010b0500")
MAX_PEM: Final = 256 * 1024  # a bundle of some hundred authorities; more is a mistake


def new_private_key() -> Secret:
    """RSA-2048 as PKCS#8 PEM: what real clusters use."""
    return _pem(rsa.generate_private_key(public_exponent=65537, key_size=2048))


def _pem(key: rsa.RSAPrivateKey) -> Secret:
    return Secret(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )


def name_of(subject: dict[str, str]) -> x509.Name:
    """The X.500 name; ElementError when a value cannot stand there, such as a country of three letters."""
    attributes = []
    for parameter, oid in SUBJECT.items():
        if value := subject.get(parameter):
            try:
                attributes.append(x509.NameAttribute(oid, value))
                x509.Name(attributes).public_bytes()
            except ValueError as error:
                raise ElementError("xInvalidParameter", f"{parameter}: {error}") from None
    return x509.Name(attributes)


def signing_request(private_pem: Secret, subject: dict[str, str], version: int = 0) -> str:
    """A PEM CSR as real clusters make them: clientAuth, no SAN. `version` 2 copies their illegal PKCS#10 version."""
    key = _load(private_pem)
    usage = x509.KeyUsage(
        digital_signature=True,
        key_encipherment=True,
        content_commitment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    request = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(name_of(subject))
        .add_extension(usage, critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    if version == 0:
        return request.public_bytes(serialization.Encoding.PEM).decode("ascii")
    return _with_version(key, request, version)


def _with_version(key: rsa.RSAPrivateKey, request: x509.CertificateSigningRequest, version: int) -> str:
    """Write another version into the request and sign it again; no library makes such a thing."""
    info = bytearray(request.tbs_certrequest_bytes)
    place = info.index(b"\x02\x01\x00")  # the INTEGER right after the outer SEQUENCE's header
    info[place + 2] = version
    signature = key.sign(bytes(info), padding.PKCS1v15(), hashes.SHA256())
    der = _der(0x30, bytes(info) + _SHA256_RSA + _der(0x03, b"\x00" + signature))
    body = base64.encodebytes(der).decode("ascii").replace("\n", "")
    lines = "\n".join(body[i : i + 64] for i in range(0, len(body), 64))
    return f"-----BEGIN CERTIFICATE REQUEST-----\n{lines}\n-----END CERTIFICATE REQUEST-----\n"


def _der(tag: int, content: bytes) -> bytes:
    size = len(content)
    if size < 0x80:
        return bytes([tag, size]) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + content


def _load(private_pem: Secret) -> rsa.RSAPrivateKey:
    # We made this key ourselves; testing its primes again at every use takes a tenth of a second.
    key = serialization.load_pem_private_key(private_pem.reveal(), None, unsafe_skip_rsa_key_validation=True)
    assert isinstance(key, rsa.RSAPrivateKey)
    return key


# What operators hand in ----------------------------------------------------------------------------------------


def read_all(pem: str, what: str) -> list[x509.Certificate]:
    """The certificates of a PEM text; ElementError when there is none or one cannot be read."""
    if len(pem) > MAX_PEM:
        raise _bad(what, f"is larger than {MAX_PEM} bytes")
    try:
        found = x509.load_pem_x509_certificates(pem.encode("ascii"))
    except ValueError:
        raise _bad(what, "is not a certificate in PEM form") from None
    if not found:
        raise _bad(what, "holds no certificate")
    return found


def check_authorities(pem: str, now: datetime) -> list[x509.Certificate]:
    """kmipCaCertificate: authorities, or the server's own self-signed certificate; none of them expired."""
    found = read_all(pem, "kmipCaCertificate")
    for certificate in found:
        _check_period(certificate, "kmipCaCertificate", now)
        if not _is_authority(certificate) and certificate.issuer != certificate.subject:
            raise _bad("kmipCaCertificate", f"{_named(certificate)} is not the certificate of an authority")
    return found


def check_client(pem: str, private_pem: Secret, now: datetime) -> x509.Certificate:
    """kmipClientCertificate: signed for our key, not expired. What follows the first certificate is its chain."""
    certificate = read_all(pem, "kmipClientCertificate")[0]
    if _public(certificate.public_key()) != _public(_load(private_pem).public_key()):
        text = "was not made for this cluster's key pair; sign the request of GetClientCertificateSignRequest"
        raise _bad("kmipClientCertificate", f"{_named(certificate)} {text}")
    _check_period(certificate, "kmipClientCertificate", now)
    return certificate


def matches(pem: str, private_pem: Secret) -> bool:
    """Is the client certificate for this key?"""
    certificate = read_all(pem, "kmipClientCertificate")[0]
    return _public(certificate.public_key()) == _public(_load(private_pem).public_key())


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except (x509.ExtensionNotFound, ValueError):
        return False


def _check_period(certificate: x509.Certificate, what: str, now: datetime) -> None:
    if now > certificate.not_valid_after_utc:
        raise _bad(what, f"{_named(certificate)} expired on {certificate.not_valid_after_utc:%Y-%m-%d}")
    if now < certificate.not_valid_before_utc:
        raise _bad(what, f"{_named(certificate)} is not valid before {certificate.not_valid_before_utc:%Y-%m-%d %H:%M}")


def _public(key: object) -> bytes:
    return key.public_bytes(  # type: ignore[attr-defined,no-any-return]
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def _named(certificate: x509.Certificate) -> str:
    return f"[{certificate.subject.rfc4514_string()}]"


def _bad(what: str, why: str) -> ElementError:
    return ElementError("xInvalidCertificate", f"{what} {why}")
