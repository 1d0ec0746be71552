"""Key providers: which key servers together hold the same keys."""

from __future__ import annotations

from dataclasses import dataclass

from kmipd.cluster.errors import ElementError, no_such
from kmipd.cluster.keyservers import refuse_last_of_active, view
from kmipd.cluster.masterkeys import MasterKeys, endpoint_of, endpoints_of, is_active, outstanding
from kmipd.cluster.settings import Settings
from kmipd.cluster.states import CURRENT, RETIRING
from kmipd.cluster.store import KeyServer, Provider, Store, Unit
from kmipd.cluster.trouble import TROUBLE, to_element


@dataclass(frozen=True, slots=True)
class ProviderView:
    """A provider, whether it holds keys in use, and its servers."""

    provider: Provider
    active: bool
    server_ids: list[int]


class Providers:
    """Creates, fills, tests and deletes key providers."""

    def __init__(self, store: Store, settings: Settings, keys: MasterKeys) -> None:
        self._store, self._settings, self._keys = store, settings, keys

    def create(self, name: str) -> ProviderView:
        with self._store.unit() as unit:
            return _view(unit, unit.providers.add(name=name))

    def get(self, number: int) -> ProviderView:
        with self._store.unit() as unit:
            return _view(unit, number)

    def all(self) -> list[ProviderView]:
        with self._store.unit() as unit:
            return [_view(unit, provider.id) for provider in unit.providers.all()]

    def delete(self, number: int) -> None:
        """Its servers become unassigned; refused while it holds keys in use."""
        with self._store.unit() as unit:
            found = _view(unit, number)
            if found.active:
                keys = ", ".join(key.key_id for key in outstanding(unit, number))
                text = f"KeyProvider {number} is active. Keys in use: {keys}."
                raise ElementError("xKeyProviderIsActive", text)
            for server_id in found.server_ids:
                unit.key_servers.update(server_id, provider_id=None)
            unit.providers.delete(id=number)

    def test(self, number: int) -> None:
        """Contact every server; and when keys are in use, have them shown."""
        with self._store.unit() as unit:
            endpoints = endpoints_of(unit, number)
        remote, deadline = self._keys.remote_of(endpoints), self._keys.deadline()
        try:
            remote.probe(deadline)
            self._keys.verify_held_by(remote, number, deadline)
        except TROUBLE as trouble:
            raise to_element(trouble) from None

    def add_server(self, number: int, server_id: int) -> None:
        """Assign a server that works, and give it the provider's keys."""
        with self._store.unit() as unit:
            server, already = self._assignable(unit, number, server_id)
        if already:
            return
        try:
            self._synchronise(number, server)
        except TROUBLE as trouble:
            raise to_element(trouble) from None
        with self._store.unit() as unit:
            if self._assignable(unit, number, server_id)[0] != server:
                raise ElementError("xDBVersionMismatch", f"KeyServer {server_id} was changed meanwhile; try again.")
            unit.key_servers.update(server_id, provider_id=number)

    def remove_server(self, server_id: int) -> None:
        """Unassign; nothing happens to a server that is not assigned."""
        with self._store.unit() as unit:
            server = view(unit, server_id).server
            refuse_last_of_active(unit, server)
            unit.key_servers.update(server_id, provider_id=None)

    def _assignable(self, unit: Unit, number: int, server_id: int) -> tuple[KeyServer, bool]:
        """The server, and whether it is assigned there already; ElementError when it cannot be."""
        servers = _view(unit, number).server_ids
        server = view(unit, server_id).server
        if server.provider_id == number:
            return server, True
        if server.provider_id is not None:
            text = f"KeyServer {server_id} is assigned to KeyProvider {server.provider_id}."
            raise ElementError("xKeyServerAlreadyAssigned", text)
        limit = self._settings.servers_per_provider
        if len(servers) >= limit:
            raise ElementError("xExceededLimit", f"A key provider takes at most {limit} key server(s).")
        return server, False

    def _synchronise(self, number: int, server: KeyServer) -> None:
        with self._store.unit() as unit:
            endpoint = endpoint_of(unit, server)
            peers = unit.key_servers.all(provider_id=number)
            keys = [k for k in outstanding(unit, number) if k.state in (CURRENT, RETIRING)]
        deadline = self._keys.deadline()
        remote = self._keys.remote_of([endpoint])
        remote.probe(deadline)
        for key in keys if peers else []:
            remote.copy(endpoint, self._keys.label(key.key_id), self._keys.fetch(key, deadline), deadline)


def _view(unit: Unit, number: int) -> ProviderView:
    provider = unit.providers.one(id=number)
    if provider is None:
        raise no_such("KeyProvider", number)
    servers = [server.id for server in unit.key_servers.all(provider_id=number)]
    return ProviderView(provider, is_active(unit, number), servers)
