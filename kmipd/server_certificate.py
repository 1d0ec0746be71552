"""The server's own certificate: made by `kmipd init`, and renewed before it ends."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa

from kmipd.config import Settings
from kmipd.trust import files
from kmipd.trust.authority import Authority, Issued, KeyType, TrustError


def write(certificate: Path, key: Path, issued: Issued, authority: Authority) -> None:
    """The key goes first: what a crash leaves is a pair that does not fit, which is noticed, and replaced by the next
    attempt."""
    certificate.parent.mkdir(mode=0o700, exist_ok=True)
    files.write(key, issued.key_pem, files.SECRET)
    # The root as well: harmless to those that have it, and what clients with one "CA file" field expect to see.
    files.write(certificate, issued.certificate_pem + authority.certificate_pem, files.PUBLIC)


def renew(settings: Settings, hosts: Sequence[str]) -> x509.Certificate:
    """Issue another one, with a new key of the same kind, for `hosts`, or for the names of the present one.

    TrustError when the present one cannot be read, or is somebody else's to renew.
    """
    path = settings.tls.certificate
    try:
        present = x509.load_pem_x509_certificate(path.read_bytes())
    except (OSError, ValueError) as error:
        raise TrustError(f"the server certificate {path} cannot be read: {error}") from None
    authority = Authority.load(settings.authority)
    if present.issuer != authority.certificate.subject:
        raise TrustError(
            f"{path} was issued by {present.issuer.rfc4514_string()}, not by the authority of this server: have it "
            f"renewed there, write {path} and {settings.tls.key}, and send SIGHUP to kmipd"
        )
    hosts = tuple(hosts) or names(present)
    if not hosts:
        raise TrustError(f"{path} is for no name: say with --host which names and addresses clients use")
    kind: KeyType = "rsa" if isinstance(present.public_key(), rsa.RSAPublicKey) else "ec"
    issued = authority.issue_server(hosts, kind)
    write(path, settings.tls.key, issued, authority)
    return issued.certificate


def names(certificate: x509.Certificate) -> tuple[str, ...]:
    """The names and addresses that clients may use."""
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    return tuple(str(name.value) for name in found)
