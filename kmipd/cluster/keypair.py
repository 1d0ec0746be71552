"""The cluster's one key pair, with which it proves to key servers who it is."""

from __future__ import annotations

from kmipd.cluster import certificates
from kmipd.cluster.clock import Clock, stamp
from kmipd.cluster.errors import ElementError
from kmipd.cluster.masterkeys import is_active
from kmipd.cluster.notices import Notices
from kmipd.cluster.secret import Secret
from kmipd.cluster.settings import Settings
from kmipd.cluster.store import Store, Unit


class KeyPairs:
    """Makes the key pair and its signing request. The private key never leaves the cluster."""

    def __init__(self, store: Store, settings: Settings, notices: Notices, clock: Clock) -> None:
        self._store, self._settings, self._notices, self._clock = store, settings, notices, clock

    def create(self, subject: dict[str, str]) -> None:
        """Replace the key pair; refused while an active provider's server knows the present one."""
        certificates.name_of(subject)
        private = certificates.new_private_key()  # before the transaction: it takes a while
        with self._store.unit() as unit:
            _refuse_in_use(unit)
            cluster = unit.cluster.one()
            assert cluster is not None
            unit.key_pairs.delete()
            unit.key_pairs.add(
                private_pem=private.reveal(),
                subject=subject or {"commonName": cluster.name[:64]},
                created=stamp(self._clock()),
            )
            self._notices.event(unit, "apiEvent", "A new public/private key pair was created.")

    def signing_request(self) -> str:
        """PEM, the same key and subject each time; that is how certificates are renewed."""
        with self._store.unit() as unit:
            pair = unit.key_pairs.one()
        if pair is None:
            raise ElementError("xPublicPrivateKeyPairDoesNotExist", "Call CreatePublicPrivateKeyPair first.")
        version = self._settings.csr_version
        return certificates.signing_request(Secret(pair.private_pem), pair.subject, version)


def _refuse_in_use(unit: Unit) -> None:
    pair = unit.key_pairs.one()
    if pair is None:
        return
    for server in unit.key_servers.all():
        in_use = server.provider_id is not None and is_active(unit, server.provider_id)
        if in_use and certificates.matches(server.client_pem, Secret(pair.private_pem)):
            raise ElementError(
                "xPublicPrivateKeyPairInUse",
                f"KeyServer {server.id} of the active KeyProvider {server.provider_id} knows this key pair. "
                "To renew the certificate, sign a new request for the same key and call ModifyKeyServerKmip.",
            )
