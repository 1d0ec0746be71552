"""Who a certificate stands for. An enrolled certificate is known by its fingerprint; rules cover foreign authorities.

A rule matches fields of the certificate and names the principal; the first rule that fits decides, and a certificate
that fits none stands for nobody.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cryptography import x509
from cryptography.x509.oid import NameOID

from kmipd.core.model import Principal
from kmipd.trust.names import fingerprint

_SUBJECT_FIELDS = {
    "CN": NameOID.COMMON_NAME,
    "O": NameOID.ORGANIZATION_NAME,
    "OU": NameOID.ORGANIZATIONAL_UNIT_NAME,
    "L": NameOID.LOCALITY_NAME,
    "ST": NameOID.STATE_OR_PROVINCE_NAME,
    "C": NameOID.COUNTRY_NAME,
    "UID": NameOID.USER_ID,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """`subject` and `issuer` map field names (CN, O, OU …) to the value they must have.

    `san_dns`, `san_uri`, `san_email` and `fingerprint` must be equal to one of the certificate's. A rule without any
    condition is refused when the settings are read: it would let in whoever any trusted authority ever certifies.
    """

    principal: str
    group: str
    role: str = "client"
    subject: tuple[tuple[str, str], ...] = ()
    issuer: tuple[tuple[str, str], ...] = ()
    san_dns: str = ""
    san_uri: str = ""
    san_email: str = ""
    fingerprint: str = ""

    def conditions(self) -> int:
        single = (self.san_dns, self.san_uri, self.san_email, self.fingerprint)
        return len(self.subject) + len(self.issuer) + sum(map(bool, single))

    def fits(self, certificate: x509.Certificate) -> bool:
        return (
            all(value in _fields(certificate.subject, name) for name, value in self.subject)
            and all(value in _fields(certificate.issuer, name) for name, value in self.issuer)
            and (not self.fingerprint or self.fingerprint.lower().replace(":", "") == fingerprint(certificate))
            and _has(certificate, x509.DNSName, self.san_dns)
            and _has(certificate, x509.UniformResourceIdentifier, self.san_uri)
            and _has(certificate, x509.RFC822Name, self.san_email)
        )


def _fields(name: x509.Name, field: str) -> list[str]:
    oid = _SUBJECT_FIELDS.get(field)
    return [] if oid is None else [str(a.value) for a in name.get_attributes_for_oid(oid)]


def _has(
    certificate: x509.Certificate,
    kind: type[x509.DNSName] | type[x509.UniformResourceIdentifier] | type[x509.RFC822Name],
    wanted: str,
) -> bool:
    if not wanted:
        return True
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return False
    return wanted in names.get_values_for_type(kind)


class Identities:
    """Certificate to principal: the enrolled first, then the rules."""

    def __init__(
        self,
        enrolled: Callable[[str], Principal | None],
        rules: Sequence[Rule] = (),
        revoked: Callable[[str], bool] = lambda _fingerprint: False,
    ) -> None:
        self._enrolled = enrolled
        self._rules = tuple(rules)
        self._revoked = revoked

    def principal(self, der: bytes) -> Principal | None:
        certificate = x509.load_der_x509_certificate(der)
        known_as = fingerprint(certificate)
        found = self._enrolled(known_as)
        if found is not None:
            return found
        if self._rules and self._revoked(known_as):
            return None  # what was revoked here is not let in again by a rule for many
        for rule in self._rules:
            if rule.fits(certificate):
                return Principal(rule.principal, rule.group, rule.role)
        return None
