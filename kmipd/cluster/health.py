"""Faults tied to key management: certificates that end, key servers that do not work, a master key out of reach."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from kmipd.cluster import certificates
from kmipd.cluster.clock import Clock
from kmipd.cluster.errors import ElementError
from kmipd.cluster.kmip.failures import ServersFailed
from kmipd.cluster.masterkeys import MasterKeys, endpoint_of
from kmipd.cluster.notices import Notices
from kmipd.cluster.secret import Secret
from kmipd.cluster.store import KeyServer, Store
from kmipd.cluster.trouble import describe

CERTIFICATE: Final = "kmipCertificateFault"
SERVER: Final = "kmipServerFault"
# Days left -> severity, as for the certificates of nodes (sslCertificateExpiration).
_STAGES: Final = ((3, "critical"), (7, "error"), (30, "warning"))


class Health:
    """Looks at every key server and raises or resolves its faults."""

    def __init__(self, store: Store, keys: MasterKeys, notices: Notices, clock: Clock) -> None:
        self._store, self._keys, self._notices, self._clock = store, keys, notices, clock

    def check(self) -> None:
        """Certificates of all key servers; connections of those that are assigned to a provider."""
        with self._store.unit() as unit:
            servers = unit.key_servers.all()
        for server in servers:
            self._certificates(server)
            if server.provider_id is not None:
                self._connection(server)
        known = {f"keyServer:{server.id}" for server in servers if server.provider_id is not None}
        self._resolve_stale(SERVER, known)
        self._resolve_stale(CERTIFICATE, {f"keyServer:{s.id}:{part}" for s in servers for part in ("ca", "client")})

    def _resolve_stale(self, code: str, known: set[str]) -> None:
        for fault in self._notices.open_faults(code):
            if fault.subject.startswith("keyServer:") and fault.subject not in known:
                self._notices.resolve(code, fault.subject)

    def _certificates(self, server: KeyServer) -> None:
        for part, what, pem in (
            ("ca", "root CA certificate", server.ca_pem),
            ("client", "client certificate", server.client_pem),
        ):
            subject = f"keyServer:{server.id}:{part}"
            found = self._expiry(pem, what) or (self._mismatch(server) if part == "client" else None)
            if found is None:
                self._notices.resolve(CERTIFICATE, subject)
            else:
                severity, text = found
                self._notices.fault(CERTIFICATE, subject, severity, f"KeyServer {server.id} ({server.name}): {text}")

    def _expiry(self, pem: str, what: str) -> tuple[str, str] | None:
        ends = min(c.not_valid_after_utc for c in certificates.read_all(pem, what))
        severity = expiry_severity(ends, self._clock())
        if severity is None:
            return None
        word = "expired" if ends <= self._clock() else "expires"
        return severity, f"the {what} {word} on {ends:%Y-%m-%d}. Renew it and call ModifyKeyServerKmip."

    def _mismatch(self, server: KeyServer) -> tuple[str, str] | None:
        with self._store.unit() as unit:
            pair = unit.key_pairs.one()
        if pair is not None and certificates.matches(server.client_pem, Secret(pair.private_pem)):
            return None
        return "error", "the client certificate does not match the cluster's key pair. Sign a new request."

    def _connection(self, server: KeyServer) -> None:
        subject = f"keyServer:{server.id}"
        who = f"KeyServer {server.id} ({server.name})"
        try:
            with self._store.unit() as unit:
                endpoint = endpoint_of(unit, server)
            found = self._keys.remote_of([endpoint]).probe(self._keys.deadline())
        except (ServersFailed, ElementError) as trouble:
            self._notices.fault(SERVER, subject, "error", f"{who}: {describe(trouble)}")
            return
        down = [f"{status.host}: {status.detail}" for status in found if not status.ok]
        if down:
            self._notices.fault(SERVER, subject, "warning", f"{who}: some hosts do not work. {'; '.join(down)}")
        else:
            self._notices.resolve(SERVER, subject)


def expiry_severity(ends: datetime, now: datetime) -> str | None:
    """How bad it is that a certificate ends then; None while it is good for 30 days."""
    days = (ends - now).total_seconds() / 86400
    return next((severity for limit, severity in _STAGES if days < limit), None)
