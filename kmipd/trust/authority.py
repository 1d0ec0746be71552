"""The authority: a CA in a directory that issues server and client certificates, signs CSRs and keeps a CRL.

ca.pem      the certificate clients install as the root of the key server
ca.key      its private key, mode 0600
crl.pem     revoked client certificates
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives import serialization as ser
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from kmipd.trust import files
from kmipd.trust.csr import SigningRequest
from kmipd.trust.names import alternative_names

KeyType = Literal["rsa", "ec"]
PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
RSA_BITS = 3072  # what storage arrays and tape libraries document is RSA of at least 2048; EC is offered
CA_DAYS = 3650
# A cluster that boots after its certificate expired cannot open its drives; two years, with warnings, is the custom.
LEAF_DAYS = 825
NAME_MAX = 64  # characters of a Common Name (RFC 5280, appendix A.1)
CRL_DAYS = 3650  # an expired CRL would refuse everybody; it is rewritten whenever somebody is revoked
BACKDATE = dt.timedelta(minutes=5)  # clocks of clusters and key servers differ


class TrustError(Exception):
    """A certificate, key or request cannot be used. Says which one, why, and what to do."""


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate with its key (None when the client kept it)."""

    certificate: x509.Certificate
    key: PrivateKey | None

    @property
    def certificate_pem(self) -> bytes:
        return self.certificate.public_bytes(ser.Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        if self.key is None:
            raise TrustError("this certificate was issued for a key that the client keeps")
        return private_pem(self.key)


def private_pem(key: PrivateKey) -> bytes:
    return key.private_bytes(ser.Encoding.PEM, ser.PrivateFormat.PKCS8, ser.NoEncryption())


def new_key(key_type: KeyType) -> PrivateKey:
    if key_type == "ec":
        return ec.generate_private_key(ec.SECP256R1())
    return rsa.generate_private_key(65537, RSA_BITS)


class Authority:
    """The CA of one kmipd directory."""

    def __init__(self, directory: Path, certificate: x509.Certificate, key: PrivateKey) -> None:
        self._directory = directory
        self._key = key
        self.certificate = certificate

    @classmethod
    def create(cls, directory: Path, name: str, key_type: KeyType = "rsa") -> Authority:
        """Make a new authority in `directory`, which must not hold one."""
        if (directory / "ca.key").exists():
            raise TrustError(f"there is an authority in {directory} already; it is not overwritten")
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        key = new_key(key_type)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        builder = _builder(subject, subject, key.public_key(), CA_DAYS)
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        builder = builder.add_extension(_key_usage("key_cert_sign", "crl_sign"), critical=True)
        certificate = builder.sign(key, hashes.SHA256())
        files.write(directory / "ca.key", private_pem(key), files.SECRET)
        files.write(directory / "ca.pem", certificate.public_bytes(ser.Encoding.PEM), files.PUBLIC)
        authority = cls(directory, certificate, key)
        authority.write_crl([])
        return authority

    @classmethod
    def load(cls, directory: Path) -> Authority:
        try:
            certificate = x509.load_pem_x509_certificate((directory / "ca.pem").read_bytes())
            key = ser.load_pem_private_key((directory / "ca.key").read_bytes(), None)
        except (OSError, ValueError, TypeError) as error:
            raise TrustError(f"the authority in {directory} cannot be read: {error}") from None
        if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
            raise TrustError(f"the key of the authority in {directory} is neither RSA nor EC")
        return cls(directory, certificate, key)

    @property
    def certificate_pem(self) -> bytes:
        return self.certificate.public_bytes(ser.Encoding.PEM)

    def issue_server(self, hosts: Sequence[str], key_type: KeyType = "rsa") -> Issued:
        """For every name and address clients will use: several clients refuse a certificate without its SAN."""
        for host in hosts:
            if not host or not host.isascii():
                raise TrustError(f"{host!r} cannot stand in a certificate: give the name in its ASCII form (xn--...)")
        key = new_key(key_type)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, hosts[0][:NAME_MAX])])
        builder = self._leaf(subject, key.public_key(), ExtendedKeyUsageOID.SERVER_AUTH)
        builder = builder.add_extension(alternative_names(hosts), critical=False)
        return Issued(builder.sign(self._key, hashes.SHA256()), key)

    def issue_client(self, name: str, key_type: KeyType = "rsa") -> Issued:
        if not 1 <= len(name) <= NAME_MAX:
            raise TrustError(f"the name of a client has 1 to {NAME_MAX} characters in a certificate, not {len(name)}")
        key = new_key(key_type)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        builder = self._leaf(subject, key.public_key(), ExtendedKeyUsageOID.CLIENT_AUTH)
        return Issued(builder.sign(self._key, hashes.SHA256()), key)

    def sign(self, request: SigningRequest) -> Issued:
        """A client certificate for the key of a CSR, with its subject; no SAN is asked of clients."""
        builder = self._leaf(request.subject, request.public_key, ExtendedKeyUsageOID.CLIENT_AUTH)
        if request.alternative_names is not None:
            builder = builder.add_extension(request.alternative_names, critical=False)
        return Issued(builder.sign(self._key, hashes.SHA256()), None)

    def write_crl(self, revoked: Sequence[tuple[int, dt.datetime]]) -> None:
        """The CRL: serial numbers and when each was revoked."""
        now = dt.datetime.now(dt.UTC)
        builder = x509.CertificateRevocationListBuilder().issuer_name(self.certificate.subject)
        builder = builder.last_update(now - BACKDATE).next_update(now + dt.timedelta(days=CRL_DAYS))
        builder = builder.add_extension(x509.CRLNumber(int(now.timestamp() * 1000)), critical=False)
        for serial_number, when in revoked:
            entry = x509.RevokedCertificateBuilder().serial_number(serial_number).revocation_date(when)
            builder = builder.add_revoked_certificate(entry.build())
        crl = builder.sign(self._key, hashes.SHA256())
        files.write(self._directory / "crl.pem", crl.public_bytes(ser.Encoding.PEM), files.PUBLIC)

    def _leaf(
        self, subject: x509.Name, public_key: rsa.RSAPublicKey | ec.EllipticCurvePublicKey, usage: x509.ObjectIdentifier
    ) -> x509.CertificateBuilder:
        builder = _builder(subject, self.certificate.subject, public_key, LEAF_DAYS)
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        builder = builder.add_extension(_key_usage("digital_signature", "key_encipherment"), critical=True)
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        return builder.add_extension(issuer, critical=False)


def _builder(
    subject: x509.Name, issuer: x509.Name, public_key: rsa.RSAPublicKey | ec.EllipticCurvePublicKey, days: int
) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATE)
        .not_valid_after(now + dt.timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
    )


_USAGES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)


def _key_usage(*given: str) -> x509.KeyUsage:
    return x509.KeyUsage(**{usage: usage in given for usage in _USAGES})
