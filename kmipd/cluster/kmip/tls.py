"""TLS connections to key servers: names are verified, every step has a deadline, every failure is put into words."""

from __future__ import annotations

import os
import socket
import ssl
import threading
from typing import Any

from kmipd.cluster.clock import Deadline
from kmipd.cluster.kmip.endpoint import Endpoint
from kmipd.cluster.kmip.failures import Kind, KmipFailure

# X.509 verification codes that deserve a remedy (openssl/x509_vfy.h).
_REMEDIES = {
    10: "its certificate, or one of its authorities, has expired",
    9: "its certificate is not valid yet; compare the clocks",
    18: "its certificate is self-signed and not in kmipCaCertificate",
    19: "its root certificate is not in kmipCaCertificate",
    20: "no certificate in kmipCaCertificate issued its certificate",
    26: "its certificate is not meant for a server (extended key usage)",
    62: "its certificate does not name this host",
    64: "its certificate does not name this address",
}
# What a server's alert says about our certificate.
_ALERTS = {
    "UNKNOWN_CA": "it does not know the authority of our client certificate",
    "CERTIFICATE_REQUIRED": "it demands a client certificate and did not accept ours",
    "BAD_CERTIFICATE": "it calls our client certificate bad",
    "CERTIFICATE_EXPIRED": "it says that our client certificate has expired",
    "CERTIFICATE_REVOKED": "it says that our client certificate is revoked",
    "CERTIFICATE_UNKNOWN": "it refused our client certificate",
    "ACCESS_DENIED": "it denied access to our client certificate",
    "HANDSHAKE_FAILURE": "it found no common ground: TLS version, cipher or certificate",
    "PROTOCOL_VERSION": "it speaks no TLS version that we accept (1.2 and later)",
}


def context_for(endpoint: Endpoint, *, verify_hostname: bool = True) -> ssl.SSLContext:
    """Trust exactly the given CAs and present the cluster's certificate; raises ssl.SSLError if they cannot be used."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.check_hostname = verify_hostname
    # An operator may pin an intermediate authority or the server's own certificate: any of them is an anchor.
    context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
    context.load_verify_locations(cadata=endpoint.ca_pem)
    _load_identity(context, endpoint)
    return context


def _load_identity(context: ssl.SSLContext, endpoint: Endpoint) -> None:
    """ssl takes key files only; this one lives in memory and nowhere else."""
    descriptor = os.memfd_create("identity", os.MFD_CLOEXEC)
    try:
        os.write(descriptor, endpoint.client_pem.encode("ascii") + b"\n" + endpoint.private_pem.reveal())
        context.load_cert_chain(f"/proc/self/fd/{descriptor}")
    finally:
        os.close(descriptor)


def connect(host: str, endpoint: Endpoint, deadline: Deadline, *, verify_hostname: bool = True) -> ssl.SSLSocket:
    """A connection to one host, or KmipFailure."""
    name = host.strip("[]")
    try:
        context = context_for(endpoint, verify_hostname=verify_hostname)
    except ssl.SSLError as error:
        text = "the client certificate does not match the cluster's key pair, or is unusable"
        raise KmipFailure(Kind.AUTHENTICATION, host, f"{text} ({error.reason or error})") from None
    plain = _dial(host, name, endpoint.port, deadline)
    try:
        plain.settimeout(max(deadline.left, 0.001))
        return context.wrap_socket(plain, server_hostname=name)
    except BaseException as error:
        plain.close()
        if isinstance(error, OSError):
            raise explain(error, host, "the TLS handshake", first=True) from None
        raise


def _dial(host: str, name: str, port: int, deadline: Deadline) -> socket.socket:
    failure: KmipFailure | None = None
    for family, kind, protocol, _, address in _resolve(host, name, port, deadline):
        if deadline.spent:
            break
        sock = socket.socket(family, kind, protocol)
        try:
            sock.settimeout(max(deadline.left, 0.001))
            sock.connect(address)
        except OSError as error:
            sock.close()
            failure = explain(error, host, f"connecting to {address[0]} port {port}", first=False)
        else:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return sock
    raise failure or KmipFailure(Kind.CONNECTION, host, "no time was left to connect")


def _resolve(host: str, name: str, port: int, deadline: Deadline) -> list[Any]:
    """getaddrinfo has no time-out of its own: it runs in a thread that we stop waiting for."""
    found: list[Any] = []
    problem: list[OSError | UnicodeError] = []

    def work() -> None:
        try:
            found.extend(socket.getaddrinfo(name, port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            problem.append(error)

    thread = threading.Thread(target=work, name="resolve", daemon=True)
    thread.start()
    thread.join(deadline.left)
    if thread.is_alive():
        raise KmipFailure(Kind.CONNECTION, host, "the name service did not answer in time")
    if problem:
        raise KmipFailure(Kind.CONNECTION, host, f"the name cannot be resolved ({problem[0]})")
    return found


def explain(error: Exception, host: str, doing: str, *, first: bool, sent: bool = False) -> KmipFailure:
    """Put a network error into words. `first`: TLS 1.3 servers refuse our certificate only after the handshake."""
    kind, text = Kind.CONNECTION, f"{doing} failed ({error})"
    match error:
        case ssl.SSLCertVerificationError():
            remedy = _REMEDIES.get(error.verify_code, error.verify_message)
            kind, text = Kind.AUTHENTICATION, f"the server cannot be trusted: {remedy}"
        case TimeoutError():
            text = f"{doing} took too long"
        case ConnectionRefusedError():
            text = f"{doing} was refused; nothing listens there"
        case ssl.SSLError() if not isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):
            kind, text = Kind.AUTHENTICATION, f"{doing} failed: {_alert(error)}"
        case EOFError() | ConnectionError() | ssl.SSLError() if first:
            kind = Kind.AUTHENTICATION
            text = f"it closed the connection during {doing}; servers do that when they refuse a client certificate"
        case EOFError() | ConnectionError() | ssl.SSLError():
            text = f"it closed the connection during {doing}"
        case OSError():
            text = f"{doing} failed ({error.strerror or error})"
    return KmipFailure(kind, host, text, sent=sent)


def _alert(error: ssl.SSLError) -> str:
    reason = error.reason or str(error)
    return next((text for word, text in _ALERTS.items() if reason.endswith(f"ALERT_{word}")), reason)
