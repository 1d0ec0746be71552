"""What an operator does to key stores: create, describe, update, delete, connect, disconnect.

Everything goes through the registry, which the workers of a running server watch. When no server runs, connecting and
disconnecting are done here and now, and the next server finds the store as it was left.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from kmipd import app
from kmipd.administration import AdministrationError
from kmipd.core.failures import FailureReason
from kmipd.core.keystores import (
    NAME,
    NAME_RULE,
    Command,
    ConnectionState,
    InvalidState,
    KeyStoreRecord,
    Member,
)
from kmipd.core.model import Principal
from kmipd.core.syncing import SyncRefused
from kmipd.keystores import connecting, observations, opening, preparing
from kmipd.keystores.auditing import audit
from kmipd.keystores.cloning import CeremonyRefused, Cloning
from kmipd.keystores.describing import Described
from kmipd.keystores.syncing import Syncing
from kmipd.registry.keystores import KeyStoreExists, KeyStoreInUse, KeyStoreUnknown
from kmipd_pkcs11.pins import latch_of

DISCONNECT_SECONDS = 30.0  # calls in flight may end first; then a hung one is left alone
FOLLOW_SECONDS = 15.0  # for all workers to have followed
_S = ConnectionState
Progress = Callable[[str], None]
#: What a command may meet that is a refusal with a sentence of its own.
REFUSALS = (CeremonyRefused, InvalidState, KeyStoreExists, KeyStoreInUse, KeyStoreUnknown, SyncRefused)


class KeyStoreAdministration:
    """Commands on the key stores of one kmipd directory."""

    def __init__(self, application: app.Application) -> None:
        self._application = application
        self._stores = application.registry.key_stores
        self._directory = application.settings.directory
        opening.adopt_root(application.registry, application.settings)

    @property
    def served(self) -> bool:
        """Whether a server of this directory is running."""
        return observations.daemon_runs(self._directory)

    # Describing ----------------------------------------------------------------------------------------------

    def all(self) -> list[Described]:
        return [self._described(record) for record in self._application.records()]

    def describe(self, name: str) -> Described:
        return self._described(self.record(name))

    def record(self, name: str) -> KeyStoreRecord:
        self._stores.get(name)
        return next(record for record in self._application.records() if record.name == name)

    def _described(self, record: KeyStoreRecord) -> Described:
        views = observations.views(observations.seen_by_workers(self._directory), record.name)
        behind = self._application.registry.ledger(record.name).counts()
        return Described(record, tuple(views), self._stores.keys(record.name), behind)

    # Changing ------------------------------------------------------------------------------------------------

    def create(self, record: KeyStoreRecord) -> KeyStoreRecord:
        """A new store, DISCONNECTED. The same description again is the same store, so that a retry is no error."""
        _require_name(record.name, *(member.name for member in record.members))
        try:
            self._stores.add(replace(record, created=int(time.time())))
        except KeyStoreExists:
            known = self._stores.get(record.name)
            if _as_given(known) != _as_given(record):
                raise KeyStoreExists(f"there is a key store {record.name!r} already, another one or in use") from None
        else:
            audit(self._application.registry, "CREATE_STORE", record.name)
        return self._stores.get(record.name)

    def update(self, record: KeyStoreRecord) -> None:
        """New settings or members; only while DISCONNECTED."""
        _require_name(*(member.name for member in record.members))
        if record.root and record.members[0] != self.record(record.name).members[0]:
            raise AdministrationError("the first token of the root store is that of kmipd.toml: change it there")
        before = self.record(record.name)
        if not self._stores.keys(record.name):
            record = self._afresh(record, before)
        self._stores.replace(record, Command.UPDATE)
        kept = {(member.name, _token(member)) for member in record.members}
        self._forget(before, [one for one in before.members if (one.name, _token(one)) not in kept])
        audit(self._application.registry, "UPDATE_STORE", record.name)

    def _afresh(self, record: KeyStoreRecord, before: KeyStoreRecord) -> KeyStoreRecord:
        """A store without keys may be given other tokens: those are not expected to be the ones seen before."""
        same = {_token(member) for member in before.members}
        members = tuple(
            member if _token(member) in same else replace(member, sentinel=b"") for member in record.members
        )
        if members != record.members:
            self._application.registry.retire_wrapping_keys(record.name, lambda _: False)
        return replace(record, members=members)

    def describe_anew(self, name: str, description: str) -> None:
        """Another description, in any state."""
        self._stores.replace(replace(self._stores.get(name), description=description), Command.DESCRIBE_ANEW)

    def _forget(self, record: KeyStoreRecord, members: Sequence[Member]) -> None:
        """A token that is not the store's any more takes the PINs that it refused with it: another may accept them."""
        for member in members:
            latch_of(self._application.opener.lock_file(record, member)).clear()

    def delete(self, name: str) -> None:
        record = self.record(name)
        self._stores.delete(name)
        self._forget(record, record.members)
        audit(self._application.registry, "DELETE_STORE", name)

    # Connecting ----------------------------------------------------------------------------------------------

    def connect(self, name: str) -> Described:
        """Ask for it. A running server does it in the background; without one it is done before this returns."""
        record = self._stores.command(name, Command.CONNECT)
        if record.state is _S.CONNECTING and not self.served:
            connecting.attempt(self._application.registry, self._directory, record)
        return self.describe(name)

    def disconnect(self, name: str) -> Described:
        """Ask for it. Keys stay and are unavailable."""
        self._refuse_to_strand(name)
        self._stores.command(name, Command.DISCONNECT)
        audit(self._application.registry, "DISCONNECT_STORE", name)
        if not self.served:
            self._stores.finish(name, _S.DISCONNECTING, _S.DISCONNECTED)
        return self.describe(name)

    def _refuse_to_strand(self, name: str) -> None:
        """The PINs of other stores are sealed under the root store."""
        records = self._stores.all()
        if not any(record.name == name and record.root for record in records):
            return
        needing = [
            record.name
            for record in records
            if not record.root and record.state is _S.CONNECTED and any(m.pin_current for m in record.members)
        ]
        if needing:
            raise AdministrationError(
                f"the PINs of {', '.join(needing)} are kept under the root store: disconnect these first"
            )

    def await_end(self, name: str, progress: Progress) -> Described:
        """Wait until it is neither CONNECTING nor DISCONNECTING and every worker has followed; the time is bounded."""
        begun = time.monotonic()
        described = self.describe(name)
        limit = begun + described.record.connect_timeout + connecting.START_SECONDS + DISCONNECT_SECONDS
        while described.record.state in (_S.CONNECTING, _S.DISCONNECTING) and time.monotonic() < limit:
            progress(f"{name}: {described.record.state.value} for {time.monotonic() - begun:.0f} s")
            time.sleep(0.25)
            described = self.describe(name)
        followed = time.monotonic() + FOLLOW_SECONDS
        while not _followed(described) and time.monotonic() < followed:
            progress(f"{name}: {described.record.state.value}, waiting for the workers")
            time.sleep(0.1)
            described = self.describe(name)
        return described

    # Clones ------------------------------------------------------------------------------------------------

    def cloning(self) -> Cloning:
        """The ceremonies by which tokens become clones."""
        return Cloning(self._application.registry, self._application.opener, self._directory, self.record)

    def syncing(self) -> Syncing:
        """Copies on command."""
        return Syncing(self._application.services, self._application.registry, self.record)

    def principal(self, client: str | None) -> Principal | None:
        """The enrolled client on whose behalf a command works; None for the operator of the machine."""
        if client is None:
            return None
        found = self._application.registry.clients.find(client)
        if found is None or found.revoked is not None:
            raise AdministrationError(f"no client {client!r} is enrolled; `kmipd client list` shows all")
        return Principal(found.name, found.group, found.role)

    # One attempt ---------------------------------------------------------------------------------------------

    def attempt(self, name: str) -> None:
        """What `kmipd _connect` does: one attempt, and its outcome into the registry."""
        application = self._application
        with connecting.alone(self._directory, name):
            record = self.record(name)
            if record.state is not _S.CONNECTING:
                return
            if clash := _clash(record, application.records()):
                connecting.settle(application.registry, name, FailureReason.MODULE_SETTINGS_CLASH, clash)
                return
            try:
                preparing.prepare(application.services, application.registry, application.opener, record)
            except preparing.NotPrepared as error:
                connecting.settle(application.registry, name, error.failure, str(error))
            else:
                connecting.settle(application.registry, name, None)


def _as_given(record: KeyStoreRecord) -> KeyStoreRecord:
    """Without what was learnt since it was created."""
    members = (replace(one, sentinel=b"", pin_current=b"", pin_pending=b"", pin_tried="") for one in record.members)
    return replace(record, created=0, connection=0, members=tuple(members))


def _clash(record: KeyStoreRecord, records: Sequence[KeyStoreRecord]) -> str:
    """What no process that has all stores open could do, and the one that tries a single store would not notice."""
    open_then = [one for one in records if one.state is _S.CONNECTED and one.name != record.name]
    for one in (record, *open_then):
        for other in one.members:
            for member in record.members:
                if _file(member) == _file(other) and _settings(member) != _settings(other):
                    who = f"{one.name!r}, member {other.name!r}" if one is record or one.is_group else repr(one.name)
                    return (
                        f"key store {who} uses {_file(member)} with other settings (--set, --softhsm2-conf, --reserved)"
                    )
    return ""


def _file(member: Member) -> Path:
    return Path(member.module).resolve()


def _settings(member: Member) -> tuple[dict[str, str], str]:
    return dict(member.environment), member.reserved


def _token(member: Member) -> tuple[str, str, str]:
    return member.module, member.token_label, member.token_serial


def _followed(described: Described) -> bool:
    record = described.record
    if record.state is _S.CONNECTED:
        return all(one.connection == record.connection and (one.up or one.failure) for one in described.seen)
    return not any(one.open for one in described.seen)


def _require_name(*names: str) -> None:
    for name in names:
        if not NAME.fullmatch(name):
            raise AdministrationError(f"{name!r} is no name for a key store: {NAME_RULE}")


def with_member(record: KeyStoreRecord, member: Member) -> KeyStoreRecord:
    """One more token in the store; KeyStoreExists when the name is taken."""
    if record.member(member.name) is not None:
        raise KeyStoreExists(f"the key store {record.name!r} has a member {member.name!r} already")
    return replace(record, members=(*record.members, member))


def without_member(record: KeyStoreRecord, name: str) -> KeyStoreRecord:
    """The store without one of its tokens. The last one stays, and the root store keeps the one of kmipd.toml."""
    members: Sequence[Member] = [member for member in record.members if member.name != name]
    if len(members) == len(record.members):
        raise KeyStoreUnknown(f"the key store {record.name!r} has no member {name!r}")
    if not members or (record.root and members[0] != record.members[0]):
        raise AdministrationError(f"{name!r} is the token that the key store {record.name!r} cannot do without")
    return replace(record, members=tuple(members))
