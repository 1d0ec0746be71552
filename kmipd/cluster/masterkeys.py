"""Keys that wrap or unlock, wherever they are managed: made, read back, held while in use, destroyed."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from kmipd.cluster import crypto, files
from kmipd.cluster.clock import Deadline
from kmipd.cluster.errors import ElementError, no_such
from kmipd.cluster.kmip.endpoint import Endpoint
from kmipd.cluster.kmip.hosts import Hosts
from kmipd.cluster.kmip.keys import Label, RemoteKeys
from kmipd.cluster.secret import Secret
from kmipd.cluster.settings import Settings
from kmipd.cluster.states import ASKED, CONDEMNED, CURRENT, EXTERNAL, OUTSTANDING, PLANNED, SOFTWARE, VOID
from kmipd.cluster.store import KeyServer, MasterKey, Store, Unit
from kmipd.cluster.trouble import KeyMissing

Step = Callable[[str], None]


class MasterKeys:
    """Internal keys live in files of the cluster, external ones on key servers and, while used, in memory only."""

    def __init__(self, store: Store, settings: Settings, hosts: Hosts) -> None:
        self._store, self._settings, self._hosts = store, settings, hosts
        self._held: dict[int, Secret] = {}
        self._lock = threading.Lock()
        files.private_directory(settings.internal_keys)

    # Making and finding --------------------------------------------------------------------------------------

    def make(self, row: MasterKey, step: Step) -> tuple[str | None, Secret]:
        """The key of this row, made if need be. Repeating it after a crash finds what was made."""

        def journal(name: str) -> None:
            if name == "create.asked":
                with self._store.unit() as unit:
                    unit.master_keys.update(row.id, state=ASKED)
            step(name)

        if row.management == EXTERNAL:
            return self.remote(row.provider_id).make(self._label(row), self.deadline(), journal)
        return None, self.make_internal(row, journal)

    def make_internal(self, row: MasterKey, step: Step = lambda _name: None) -> Secret:
        """The key of an internal row, in a file of its own."""
        path = self._path(row)
        if not path.exists():
            step("create.asked")
            files.write(path, crypto.random_key(crypto.MASTER_KEY_BYTES).reveal())
            step("create.made")
        return Secret(path.read_bytes())

    def fetch(self, row: MasterKey, deadline: Deadline | None = None) -> Secret:
        """Read the key from where it is managed, past anything held in memory. Checked against its verifier."""
        if row.management == EXTERNAL:
            key = self.remote(row.provider_id).fetch(
                self._label(row), lambda k: _fits(row, k), deadline or self.deadline()
            )
            if key is None:
                raise KeyMissing(f"key provider {row.provider_id} does not hold the key {row.key_id}")
            return key
        try:
            key = Secret(self._path(row).read_bytes())
        except FileNotFoundError:
            raise KeyMissing(f"the internal key {row.key_id} is missing: {self._path(row)}") from None
        if not _fits(row, key):
            raise KeyMissing(f"{self._path(row)} does not hold the key {row.key_id}")
        return key

    def destroy(self, row: MasterKey, step: Step) -> None:
        """Destroy the key where it is managed; done when it is gone, whoever destroyed it."""
        if row.management == EXTERNAL:
            self.remote(row.provider_id).destroy(self._label(row), self.deadline(), step)
        else:
            files.wipe(self._path(row))
            step("decommission.destroyed")
        self.forget(row)

    # Holding -------------------------------------------------------------------------------------------------

    def hold(self, row: MasterKey, key: Secret) -> None:
        with self._lock:
            self._held[row.id] = key

    def held(self, row: MasterKey) -> Secret | None:
        with self._lock:
            return self._held.get(row.id)

    def forget(self, row: MasterKey) -> None:
        with self._lock:
            self._held.pop(row.id, None)

    def obtain(self, row: MasterKey) -> Secret:
        """The key, from memory or from where it is managed."""
        key = self.held(row)
        if key is None:
            key = self.fetch(row)
            self.hold(row, key)
        return key

    def in_use(self, row: MasterKey) -> Secret:
        """The key from memory, or from our own disk; ElementError while locked. Contacts nobody."""
        key = self.held(row)
        if key is not None:
            return key
        if row.management == EXTERNAL:
            text = f"the master key {row.key_id} could not be fetched from key provider {row.provider_id}"
        else:
            try:
                return self.obtain(row)
            except KeyMissing as trouble:
                text = str(trouble)
        text = f"The cluster is locked: {text}. Check TestKeyProviderKmip and ListClusterFaults."
        raise ElementError("xMasterKeyUnavailable", text)

    # Where keys are managed ----------------------------------------------------------------------------------

    def deadline(self) -> Deadline:
        return Deadline(self._settings.kmip.call_budget)

    def remote(self, provider_id: int | None) -> RemoteKeys:
        """The keys of a provider; ElementError when it has no servers."""
        assert provider_id is not None
        with self._store.unit() as unit:
            return self.remote_of(endpoints_of(unit, provider_id))

    def remote_of(self, endpoints: list[Endpoint]) -> RemoteKeys:
        return RemoteKeys(self._hosts, endpoints)

    def label(self, key_id: str) -> Label:
        with self._store.unit() as unit:
            cluster = unit.cluster.one()
        assert cluster is not None
        return Label(key_id, cluster.uuid)

    def verify_held_by(self, remote: RemoteKeys, provider_id: int, deadline: Deadline) -> None:
        """Do these servers hold the keys in use of the provider? KeyMissing if not."""
        with self._store.unit() as unit:
            rows = [k for k in unit.master_keys.all(provider_id=provider_id, state=CURRENT) if k.verifier is not None]
        for row in rows:
            if remote.fetch(self._label(row), lambda key, row=row: _fits(row, key), deadline) is None:  # type: ignore[misc]
                raise KeyMissing(f"the key {row.key_id}, which is in use, is not there")

    def _label(self, row: MasterKey) -> Label:
        return self.label(row.key_id)

    def _path(self, row: MasterKey) -> Path:
        return self._settings.internal_keys / f"{row.key_id}.key"


def _fits(row: MasterKey, key: Secret) -> bool:
    return row.verifier is None or crypto.verifies(key, row.key_id, row.verifier)


def current(unit: Unit, purpose: str = SOFTWARE) -> MasterKey | None:
    """The key in use for this purpose."""
    return unit.master_keys.one(purpose=purpose, state=CURRENT)


def is_active(unit: Unit, provider_id: int) -> bool:
    """Has the provider keys that were made, or may have been, and not yet destroyed?"""
    return bool(outstanding(unit, provider_id))


def outstanding(unit: Unit, provider_id: int) -> list[MasterKey]:
    return [key for key in unit.master_keys.all(provider_id=provider_id) if key.state in OUTSTANDING]


def endpoint_of(unit: Unit, server: KeyServer) -> Endpoint:
    """How to reach a key server, with the cluster's own key."""
    pair = unit.key_pairs.one()
    if pair is None:
        raise ElementError("xPublicPrivateKeyPairDoesNotExist", "Call CreatePublicPrivateKeyPair first.")
    return Endpoint(
        server.id,
        tuple(server.hostnames),
        server.port,
        server.ca_pem,
        server.client_pem,
        Secret(pair.private_pem),
    )


def endpoints_of(unit: Unit, provider_id: int) -> list[Endpoint]:
    """The provider's key servers; ElementError when there is no such provider, or it has none."""
    if unit.providers.one(id=provider_id) is None:
        raise no_such("KeyProvider", provider_id)
    servers = unit.key_servers.all(provider_id=provider_id)
    if not servers:
        raise ElementError("xKeyProviderHasNoKeyServers", f"KeyProvider {provider_id} has no key servers assigned.")
    return [endpoint_of(unit, server) for server in servers]


def give_up(unit: Unit, row_id: int) -> str:
    """A key that will not be used after all: void if it cannot exist, else condemned. Returns which."""
    row = unit.master_keys.one(id=row_id)
    assert row is not None
    state = VOID if row.state == PLANNED else CONDEMNED
    unit.master_keys.update(row_id, state=state)
    return state
