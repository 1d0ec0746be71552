"""Why a handshake was refused, in words, with the remedy.

In TLS 1.3 the client learns of a refused certificate only after its handshake seemed to succeed, and sees a reset; so
the useful text exists here alone. OpenSSL does not hand over a certificate it rejected, hence the message observer.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import Any

from cryptography import x509

from kmipd.trust.names import fingerprint, serial

# OpenSSL's verify codes (X509_V_ERR_*) and what to do about each.
_VERIFY_REMEDIES = {
    2: "send the intermediate certificates, or add the issuer to the client authorities",
    3: "add the revocation list of its issuer to tls.crls, or empty that list: the registry is asked in any case",
    11: "the revocation list of its issuer is not valid yet: check the clock",
    12: "the revocation list of its issuer has expired: fetch a new one and send SIGHUP",
    10: "renew the client certificate (kmipd client add, or sign a new CSR)",
    9: "the certificate is not valid yet: check the clocks of both machines",
    18: "self-signed: enrol the client with `kmipd client sign`, or pin its fingerprint in a rule",
    19: "the chain ends in a root that is not among the client authorities: add it to tls.client_cas",
    20: "its issuer is not among the client authorities: enrol the client here, or add the issuer to tls.client_cas",
    21: "send the intermediate certificates along with the client certificate",
    23: "the certificate was revoked: issue a new one if that was not meant",
    26: "the certificate is not for client authentication (extended key usage): issue one that is",
    66: "its key is too weak: use RSA of at least 2048 bits or EC P-256",
}
_REASON_REMEDIES = {
    "PEER_DID_NOT_RETURN_A_CERTIFICATE": "the client sent no certificate: configure its client certificate and key",
    "NO_SHARED_CIPHER": "the client offers no cipher that is accepted: it needs ECDHE with AES",
    "UNSUPPORTED_PROTOCOL": "the client is older than TLS 1.2: update it",
    "WRONG_VERSION_NUMBER": "the peer does not speak TLS",
    "HTTP_REQUEST": "the peer speaks plain HTTP",
    "TLSV1_ALERT_UNKNOWN_CA": "the client does not trust this server: install ca.pem there",
    "TLSV1_ALERT_BAD_CERTIFICATE": "the client rejects this server's certificate: install ca.pem, check the host name",
    "SSLV3_ALERT_BAD_CERTIFICATE": "the client rejects this server's certificate: install ca.pem, check the host name",
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN": "the client rejects this server's certificate: install ca.pem there",
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": "the client finds this server's certificate expired: renew it",
}

_HANDSHAKE, _CERTIFICATE = 22, 11  # content type and handshake type (RFC 8446, 5.1 and 4)


def explain(error: BaseException) -> tuple[str, str]:
    """Reason and remedy."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return error.verify_message, _VERIFY_REMEDIES.get(error.verify_code, "check the client certificate")
    if isinstance(error, ssl.SSLError):
        reason = getattr(error, "reason", None) or str(error)
        return reason.replace("_", " ").lower(), _REASON_REMEDIES.get(reason, "check the TLS settings of the client")
    if isinstance(error, TimeoutError):
        return "the handshake took too long", "check the network, or what else connects to this port"
    return (str(error) or type(error).__name__), "the peer went away"


def describe(der: bytes | None) -> dict[str, str]:
    """The certificate a peer sent, for the log."""
    if der is None:
        return {}
    try:
        certificate = x509.load_der_x509_certificate(der)
        return {
            "subject": certificate.subject.rfc4514_string(),
            "issuer": certificate.issuer.rfc4514_string(),
            "serial": serial(certificate),
            "sha256": fingerprint(certificate),
            "expires": certificate.not_valid_after_utc.strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
    except ValueError:
        return {"subject": "unreadable"}


def observe(context: ssl.SSLContext, seen: Callable[[Any, bytes], None]) -> None:
    """Call `seen(ssl object, DER of the leaf)` for every client certificate that arrives, accepted or not.

    It uses the debugging hook of the `ssl` module below its Python wrapper, which would cost several microseconds a
    record. Where the hook is missing, refusals are logged without the certificate.
    """
    hook = getattr(ssl.SSLContext.__mro__[1], "_msg_callback", None)
    if hook is None:
        return

    def callback(connection: Any, direction: str, version: int, content: int, kind: int, data: bytes) -> None:
        if content == _HANDSHAKE and kind == _CERTIFICATE and direction == "read":
            leaf = _leaf(data, tls13=version == ssl.TLSVersion.TLSv1_3)
            if leaf is not None:
                seen(connection, leaf)

    hook.__set__(context, callback)


def _leaf(message: bytes, *, tls13: bool) -> bytes | None:
    """The first certificate of a Certificate message (RFC 5246, 7.4.2; RFC 8446, 4.4.2)."""
    at = 4  # handshake type and length
    if tls13:
        at += 1 + message[at]  # certificate_request_context
    at += 3  # length of the list
    size = int.from_bytes(message[at : at + 3], "big")
    leaf = message[at + 3 : at + 3 + size]
    return leaf if size and len(leaf) == size else None
