"""Enrolled clients and their certificates. A certificate that is not here stands for nobody."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, exc, insert, select, update

from kmipd.core.model import Principal
from kmipd.registry.engine import Connections
from kmipd.registry.prepared import Prepared
from kmipd.registry.tables import certificate, client

_BY_FINGERPRINT = Prepared(
    select(client.c.name, client.c.group_name, client.c.role)
    .select_from(certificate.join(client, client.c.name == certificate.c.client_name))
    .where(
        certificate.c.fingerprint == bindparam("fingerprint"),
        certificate.c.revoked.is_(None),
        client.c.revoked.is_(None),
    )
)


class ClientExists(Exception):
    """A client of this name is enrolled already."""


class ClientUnknown(Exception):
    """No client of this name is enrolled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateRecord:
    """What is remembered of a client certificate. Times are POSIX seconds."""

    fingerprint: str
    subject: str
    issuer: str
    serial: str
    not_before: int
    not_after: int
    revoked: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientRecord:
    name: str
    group: str
    role: str
    created: int
    revoked: int | None
    certificates: tuple[CertificateRecord, ...]


class Clients:
    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def principal(self, fingerprint: str) -> Principal | None:
        """Who this certificate stands for; None for an unknown or revoked one."""
        row: Any = _BY_FINGERPRINT.run(self._connections.get(), {"fingerprint": fingerprint}).fetchone()
        return None if row is None else Principal(name=row[0], group=row[1], role=row[2])

    def revoked(self, fingerprint: str) -> bool:
        """Whether this certificate was enrolled once and does not count any more."""
        return self.knows(fingerprint) and self.principal(fingerprint) is None

    def add(self, name: str, group: str, role: str, now: int) -> None:
        try:
            with self._connections.transaction() as connection:
                row = {"name": name, "group_name": group, "role": role, "created": now}
                connection.execute(insert(client).values(row))
        except exc.IntegrityError:
            raise ClientExists(name) from None

    def add_certificate(self, name: str, record: CertificateRecord) -> None:
        """A further certificate for an enrolled client: renewal overlaps, so the old one stays good."""
        if self.find(name) is None:
            raise ClientUnknown(name)
        with self._connections.transaction() as connection:
            connection.execute(insert(certificate).values(_certificate_row(name, record)))

    def knows(self, fingerprint: str) -> bool:
        """Whether this certificate was ever enrolled."""
        found = select(certificate.c.fingerprint).where(certificate.c.fingerprint == fingerprint)
        return self._connections.get().execute(found).first() is not None

    def replace_certificates(self, name: str, record: CertificateRecord, now: int) -> None:
        """This certificate instead of all that the client has; nothing changes when it cannot be added."""
        if self.find(name) is None:
            raise ClientUnknown(name)
        still_good = (certificate.c.client_name == name) & certificate.c.revoked.is_(None)
        try:
            with self._connections.transaction() as connection:
                connection.execute(update(certificate).where(still_good).values(revoked=now))
                connection.execute(insert(certificate).values(_certificate_row(name, record)))
        except exc.IntegrityError:
            raise ClientExists(name) from None

    def revoke(self, name: str, now: int) -> Sequence[CertificateRecord]:
        """Revoke the client and all its certificates; returns these, for the CRL."""
        found = self.find(name)
        if found is None:
            raise ClientUnknown(name)
        with self._connections.transaction() as connection:
            connection.execute(update(client).where(client.c.name == name).values(revoked=now))
            still_good = (certificate.c.client_name == name) & certificate.c.revoked.is_(None)
            connection.execute(update(certificate).where(still_good).values(revoked=now))
        return found.certificates

    def find(self, name: str) -> ClientRecord | None:
        return next((c for c in self.all() if c.name == name), None)

    def all(self) -> Sequence[ClientRecord]:
        connection = self._connections.get()
        certificates: dict[str, list[CertificateRecord]] = {}
        for row in connection.execute(select(certificate).order_by(certificate.c.not_before)):
            values = dict(row._mapping)
            certificates.setdefault(values.pop("client_name"), []).append(CertificateRecord(**values))
        return [
            ClientRecord(
                name=row.name,
                group=row.group_name,
                role=row.role,
                created=row.created,
                revoked=row.revoked,
                certificates=tuple(certificates.get(row.name, ())),
            )
            for row in connection.execute(select(client).order_by(client.c.name))
        ]


def _certificate_row(name: str, record: CertificateRecord) -> dict[str, Any]:
    return {
        "fingerprint": record.fingerprint,
        "client_name": name,
        "subject": record.subject,
        "issuer": record.issuer,
        "serial": record.serial,
        "not_before": record.not_before,
        "not_after": record.not_after,
    }
