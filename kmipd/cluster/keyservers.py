"""Key servers: what the cluster was told about them, checked when it is told."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from kmipd.cluster import certificates
from kmipd.cluster.clock import Clock
from kmipd.cluster.errors import ElementError, no_such
from kmipd.cluster.kmip.failures import HostStatus
from kmipd.cluster.masterkeys import MasterKeys, endpoint_of, is_active
from kmipd.cluster.secret import Secret
from kmipd.cluster.store import KeyServer, Store, Unit
from kmipd.cluster.trouble import TROUBLE, to_element

DEFAULT_PORT: Final = 5696
MAX_HOSTS: Final = 8  # a call's budget is shared between them


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What an operator says about a key server; None where nothing is said."""

    name: str | None = None
    hostnames: list[str] | None = None
    port: int | None = None
    ca_pem: str | None = None
    client_pem: str | None = None

    def given(self) -> dict[str, object]:
        pairs = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {name: value for name, value in pairs.items() if value is not None}


@dataclass(frozen=True, slots=True)
class ServerView:
    """A server, and whether the provider it belongs to holds keys; None when it belongs to none."""

    server: KeyServer
    active: bool | None


class KeyServers:
    """Creates, changes, tests and deletes key servers."""

    def __init__(self, store: Store, keys: MasterKeys, clock: Clock) -> None:
        self._store, self._keys, self._clock = store, keys, clock

    def create(self, facts: Facts) -> ServerView:
        """Remember a server. It is not contacted: it need not exist yet."""
        values = {"port": DEFAULT_PORT, **facts.given()}
        with self._store.unit() as unit:
            self._check(unit, facts)
            number = unit.key_servers.add(**values)
            return view(unit, number)

    def modify(self, number: int, facts: Facts) -> ServerView:
        """Change a server once it is shown to work that way; nothing given, nothing done."""
        changes = facts.given()
        with self._store.unit() as unit:
            before = view(unit, number).server
            self._check(unit, facts)
        if changes:
            after = replace(before, **changes)  # type: ignore[arg-type]
            if after != replace(before, name=after.name):
                self._contact(after)
            with self._store.unit() as unit:
                if unit.key_servers.one(id=number) != before:
                    raise ElementError("xDBVersionMismatch", f"KeyServer {number} was changed meanwhile; try again.")
                unit.key_servers.update(number, **changes)
        return self.get(number)

    def delete(self, number: int) -> None:
        with self._store.unit() as unit:
            server = view(unit, number).server
            refuse_last_of_active(unit, server)
            unit.key_servers.delete(id=number)

    def get(self, number: int) -> ServerView:
        with self._store.unit() as unit:
            return view(unit, number)

    def all(self) -> list[ServerView]:
        with self._store.unit() as unit:
            return [view(unit, server.id) for server in unit.key_servers.all()]

    def test(self, number: int) -> list[HostStatus]:
        """Contact every host of the server; ElementError when none works."""
        with self._store.unit() as unit:
            endpoint = endpoint_of(unit, view(unit, number).server)
        try:
            return self._keys.remote_of([endpoint]).probe(self._keys.deadline())
        except TROUBLE as trouble:
            raise to_element(trouble) from None

    def _contact(self, candidate: KeyServer) -> None:
        """Does the server work with what is to be stored, and does it hold the keys that are in use?"""
        with self._store.unit() as unit:
            endpoint = endpoint_of(unit, candidate)
        remote, deadline = self._keys.remote_of([endpoint]), self._keys.deadline()
        try:
            remote.probe(deadline)
            if candidate.provider_id is not None:
                self._keys.verify_held_by(remote, candidate.provider_id, deadline)
        except TROUBLE as trouble:
            raise to_element(trouble) from None

    def _check(self, unit: Unit, facts: Facts) -> None:
        if facts.hostnames is not None:
            _check_hostnames(facts.hostnames)
        if facts.port is not None and not 1 <= facts.port <= 65535:
            raise ElementError("xInvalidParameter", f"kmipKeyServerPort {facts.port} is not a port.")
        if facts.ca_pem is not None:
            certificates.check_authorities(facts.ca_pem, self._clock())
        if facts.client_pem is not None:
            pair = unit.key_pairs.one()
            if pair is None:
                text = "Call CreatePublicPrivateKeyPair, and have its certificate sign request signed, first."
                raise ElementError("xPublicPrivateKeyPairDoesNotExist", text)
            certificates.check_client(facts.client_pem, Secret(pair.private_pem), self._clock())


def view(unit: Unit, number: int) -> ServerView:
    """The server of this number; ElementError when there is none."""
    server = unit.key_servers.one(id=number)
    if server is None:
        raise no_such("KeyServer", number)
    return ServerView(server, None if server.provider_id is None else is_active(unit, server.provider_id))


def refuse_last_of_active(unit: Unit, server: KeyServer) -> None:
    """An active provider without a server would be keys out of reach."""
    if server.provider_id is None or not is_active(unit, server.provider_id):
        return
    if len(unit.key_servers.all(provider_id=server.provider_id)) == 1:
        text = f"KeyServer {server.id} is the last of the active KeyProvider {server.provider_id}."
        raise ElementError("xKeyServerInUse", text)


def _check_hostnames(hostnames: list[str]) -> None:
    if not 1 <= len(hostnames) <= MAX_HOSTS:
        raise ElementError("xInvalidParameter", f"kmipKeyServerHostnames must hold 1 to {MAX_HOSTS} names.")
    for name in hostnames:
        # No spaces, URLs or ports: a name or an address, IPv6 with or without brackets.
        if not name or len(name) > 255 or any(c.isspace() or c in "/@" for c in name):
            raise ElementError("xInvalidParameter", f"kmipKeyServerHostnames: {name!r} is not a host name.")
