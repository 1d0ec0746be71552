"""TLS for the server: 1.2 and 1.3, forward secrecy only, a client certificate always, revoked ones refused."""

from __future__ import annotations

import logging
import ssl
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from cryptography import x509

from kmipd.trust.authority import TrustError

log = logging.getLogger(__name__)

# TLS 1.2: ECDHE with AEAD, then AES-CBC with SHA-2/SHA-1 for appliances whose libraries have no GCM. No static RSA.
CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20:ECDHE+AES256+SHA384:ECDHE+AES128+SHA256:!aNULL:!eNULL:!PSK:!SRP:!DSS"

# SSL_OP_NO_RX_CERTIFICATE_COMPRESSION, nameless in Python (RFC 8879): what somebody sends who is not known yet
# is not unpacked, and a certificate that is refused can be described (`refusals`).
NO_COMPRESSED_CERTIFICATES: Final = 1 << 33


def server_context(certificate: Path, key: Path, client_cas: Sequence[Path], crls: Sequence[Path]) -> ssl.SSLContext:
    """A context that demands a client certificate of one of `client_cas` that none of `crls` revokes."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_mode = ssl.CERT_REQUIRED
    context.set_ciphers(CIPHERS)
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_CIPHER_SERVER_PREFERENCE | ssl.OP_NO_COMPRESSION
    if ssl.OPENSSL_VERSION_INFO >= (3, 2):
        context.options |= NO_COMPRESSED_CERTIFICATES
    _load(context, certificate, key)
    for path in client_cas:
        _trust(context, path, "client authority")
    for path in crls:
        _trust(context, path, "revocation list")
    if crls:
        context.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF
        _warn_of_unlisted(client_cas, crls)
    return context


def _warn_of_unlisted(client_cas: Sequence[Path], crls: Sequence[Path]) -> None:
    """OpenSSL checks every client or none: without its issuer's list, a client is refused."""
    try:
        authorities = {c.subject for path in client_cas for c in x509.load_pem_x509_certificates(path.read_bytes())}
        listed = {x509.load_pem_x509_crl(path.read_bytes()).issuer for path in crls}
    except (OSError, ValueError):  # OpenSSL could read them, so that is no reason to refuse them
        return
    for name in authorities - listed:
        log.warning(
            "tls.crls has no revocation list of %s: clients that it certified itself are refused; add its list, "
            "or empty tls.crls",
            name.rfc4514_string(),
        )


def _load(context: ssl.SSLContext, certificate: Path, key: Path) -> None:
    try:
        context.load_cert_chain(certificate, key)
    except FileNotFoundError:
        missing = certificate if not certificate.exists() else key
        raise TrustError(
            f"{missing} is missing: the server has no certificate; run `kmipd init` or restore it"
        ) from None
    except (ssl.SSLError, OSError) as error:
        raise TrustError(f"{certificate} and {key} cannot be used: {error}") from None


def _trust(context: ssl.SSLContext, path: Path, what: str) -> None:
    try:
        context.load_verify_locations(path)
    except FileNotFoundError:
        raise TrustError(f"the {what} {path} is missing") from None
    except (ssl.SSLError, OSError) as error:
        raise TrustError(f"the {what} {path} cannot be read: {error}") from None
