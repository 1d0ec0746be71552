"""Certificate signing requests of devices, the illegal ones included.

A real Element cluster sends PKCS#10 with version 2 where the only legal value is 0; `cryptography` refuses to load it.
The version is patched in a copy to read names and key, and the proof of possession is checked over the original bytes.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

RSA_BITS_MIN = 2048
SIZE_MAX = 64 * 1024  # bytes; a CSR is one or two kB


class BadRequest(Exception):
    """The signing request cannot be used; says why in words for the person who brought it."""


@dataclass(frozen=True, slots=True)
class SigningRequest:
    subject: x509.Name
    public_key: rsa.RSAPublicKey | ec.EllipticCurvePublicKey
    alternative_names: x509.SubjectAlternativeName | None
    version: int  # as it stands in the request; 0 is the legal one


def load(data: bytes) -> SigningRequest:
    """Read a PEM or DER request and check that its sender has the private key."""
    if len(data) > SIZE_MAX:
        raise BadRequest(f"the file has {len(data)} bytes; a signing request has a few thousand at most")
    der = _der(data)
    try:
        patched, version, signed = _split(der)
        request = x509.load_der_x509_csr(patched)
        key = request.public_key()
    except (ValueError, IndexError, UnsupportedAlgorithm):
        raise BadRequest("the file is not a certificate signing request (PKCS#10, PEM or DER)") from None
    if not isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey):
        raise BadRequest("the key of the request is neither RSA nor EC")
    if isinstance(key, rsa.RSAPublicKey) and key.key_size < RSA_BITS_MIN:
        raise BadRequest(f"the RSA key of the request has {key.key_size} bits; at least {RSA_BITS_MIN} are needed")
    _prove_possession(request, key, signed)
    return SigningRequest(request.subject, key, _alternative_names(request), version)


def _der(data: bytes) -> bytes:
    if b"-----BEGIN" not in data:
        return data
    begin = data.find(b"-----BEGIN")
    body = data[begin:].split(b"-----")
    try:
        return base64.b64decode(body[2], validate=False)
    except (ValueError, IndexError):
        raise BadRequest("the PEM armour of the request is damaged") from None


def _split(der: bytes) -> tuple[bytes, int, bytes]:
    """The request with version 0, the version it had, and the bytes that were signed (CertificationRequestInfo)."""
    outer_head, _ = _header(der, 0)
    info_head, info_length = _header(der, outer_head)
    start = outer_head
    end = start + info_head + info_length
    version_at = start + info_head
    if der[version_at : version_at + 2] != b"\x02\x01" or end > len(der):
        raise ValueError("no one-byte version")
    version = der[version_at + 2]
    return der[: version_at + 2] + b"\x00" + der[version_at + 3 :], version, der[start:end]


def _header(der: bytes, at: int) -> tuple[int, int]:
    """Size of the tag-and-length header of the SEQUENCE at `at`, and the length of its contents (X.690, 8.1.3)."""
    if der[at] != 0x30:
        raise ValueError("not a sequence")
    first = der[at + 1]
    if first < 0x80:
        return 2, first
    count = first & 0x7F
    if not 1 <= count <= 4:
        raise ValueError("length of an impossible size")
    return 2 + count, int.from_bytes(der[at + 2 : at + 2 + count], "big")


def _prove_possession(
    request: x509.CertificateSigningRequest, key: rsa.RSAPublicKey | ec.EllipticCurvePublicKey, signed: bytes
) -> None:
    try:
        algorithm = request.signature_hash_algorithm
    except UnsupportedAlgorithm:
        algorithm = None
    if algorithm is None:
        raise BadRequest("the request is signed with an algorithm that is not known here")
    try:
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(request.signature, signed, padding.PKCS1v15(), algorithm)
        else:
            key.verify(request.signature, signed, ec.ECDSA(algorithm))
    except InvalidSignature:
        raise BadRequest(
            "the signature of the request does not fit its key: whoever sent it does not have it"
        ) from None


def _alternative_names(request: x509.CertificateSigningRequest) -> x509.SubjectAlternativeName | None:
    try:
        return request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return None
