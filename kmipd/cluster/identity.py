"""The certificate of the Element endpoint: self-signed by default, as on a real cluster, and not the one for KMIP."""

from __future__ import annotations

import datetime as dt
import ipaddress
import socket
import ssl
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from kmipd.cluster import files
from kmipd.cluster.errors import ClusterError

_DAYS = 825  # the longest that common clients accept


def endpoint_context(directory: Path, host: str) -> tuple[ssl.SSLContext, Path]:
    """The context and the certificate's path. cert.pem and key.pem in `directory` are made when they are missing."""
    files.private_directory(directory)
    certificate, key = directory / "cert.pem", directory / "key.pem"
    if not certificate.exists() and not key.exists():
        _make(certificate, key, host)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        raise ClusterError(f"{certificate} and {key} cannot be used: {error}") from None
    return context, certificate


def _make(certificate: Path, key: Path, host: str) -> None:
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "storage cluster")])
    now = dt.datetime.now(dt.UTC)
    public = private.public_key()
    identifier = x509.SubjectKeyIdentifier.from_public_key(public)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(minutes=5))
        .not_valid_after(now + dt.timedelta(days=_DAYS))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName(_names(host)), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(identifier, critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False)
        .sign(private, hashes.SHA256())
    )
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    files.write(key, pem)
    files.write(certificate, made.public_bytes(serialization.Encoding.PEM), files.PUBLIC)


def _names(host: str) -> list[x509.GeneralName]:
    every = dict.fromkeys((host.strip("[]"), socket.gethostname(), "localhost", "127.0.0.1", "::1"))
    return [_general(name) for name in every if name not in ("", "0.0.0.0", "::")]


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
