"""From what is remembered of a key store to one that can be used. Nothing here touches a token."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from kmipd.config import Settings, SettingsError
from kmipd.core.errors import StoreError, StoreUnavailable
from kmipd.core.failures import FailureReason
from kmipd.core.keystores import ConnectionState, KeyStoreRecord, Member
from kmipd.keystores import pin_vaults
from kmipd.keystores.credentials import Credentials
from kmipd.registry import Registry
from kmipd_pkcs11 import rotation
from kmipd_pkcs11.group import GroupStore
from kmipd_pkcs11.pin_sources import pin_from
from kmipd_pkcs11.settings import StoreSettings
from kmipd_pkcs11.store import PKCS11Store

FILE_MEMBER = "file"  # the root store's first member: the token of kmipd.toml


def root_record(settings: Settings) -> KeyStoreRecord:
    """The key store of kmipd.toml. It is connected from the start."""
    section = settings.store
    environment = {} if section.softhsm2_conf is None else {"SOFTHSM2_CONF": str(section.softhsm2_conf)}
    member = Member(
        name=FILE_MEMBER,
        module=str(section.module),
        token_label=section.token_label,
        token_serial=section.token_serial,
        environment=environment,
        pin_source=section.pin_source,
    )
    return KeyStoreRecord(
        name=section.name,
        description="the store of kmipd.toml",
        root=True,
        state=ConnectionState.CONNECTED,
        rotate_pin=section.rotate_pin,
        members=(member,),
    )


def with_file(records: Sequence[KeyStoreRecord], settings: Settings) -> list[KeyStoreRecord]:
    """The records, with the root store's token as kmipd.toml has it today; what was learnt about it is kept."""
    fresh = root_record(settings)
    known = next((record for record in records if record.root), fresh)
    first, *others = known.members
    (file,) = fresh.members
    learnt = ("pin_current", "pin_pending", "pin_tried", "sentinel", "transport_key", "ceremony_key", "ceremony_public")
    member = replace(file, **{name: getattr(first, name) for name in learnt})
    root = replace(known, name=fresh.name, rotate_pin=fresh.rotate_pin, members=(member, *others))
    return [root, *(record for record in records if not record.root)]


def adopt_root(registry: Registry, settings: Settings) -> None:
    """Enter the store of kmipd.toml into the registry, once."""
    known = next((record for record in registry.key_stores.all() if record.root), None)
    if known is None:
        registry.key_stores.add(replace(root_record(settings), created=int(time.time())))
    elif known.name != settings.store.name:
        raise SettingsError(f"[store] name was {known.name!r} and its keys say so: change it back")


class Opener:
    """Makes stores from records, with the settings that they share."""

    def __init__(self, settings: Settings, registry: Registry, credentials: Credentials) -> None:
        self._settings = settings
        self._registry = registry
        self._credentials = credentials

    def lock_file(self, record: KeyStoreRecord, member: Member) -> Path:
        """Shared by all processes that use the token; a refused PIN is remembered beside it."""
        return self._settings.directory / f"{record.name}@{member.name}.lock"

    def settings_of(self, record: KeyStoreRecord, member: Member) -> StoreSettings:
        """How this member is reached."""
        section = self._settings.store
        return StoreSettings(
            name=record.name if not record.is_group else f"{record.name}/{member.name}",
            module=Path(member.module),
            token_label=member.token_label,
            token_serial=member.token_serial,
            pin=self._pin(record, member),
            environment=member.environment,
            reserved=member.reserved,
            sessions_max=section.sessions_max,
            release_kek_uses_max=section.release_kek_uses_max,
            lock_file=self.lock_file(record, member),
            pin_changes=bool(member.pin_current) or record.rotate_pin,
            fingerprint=member.sentinel,
        )

    def _pin(self, record: KeyStoreRecord, member: Member) -> Callable[[], str]:
        """Asked at each login: by then the PIN may have been changed."""
        source = pin_from(member.pin_source)
        if pin_vaults.in_file(record, member):

            def known() -> Member:
                return member
        else:

            def known() -> Member:
                return self._credentials.member(record.name, member.name)

        def read() -> str:
            now = known()
            if pin_vaults.undecided(record, now):
                raise StoreUnavailable(
                    f"a change of the PIN of key store {record.name!r} was interrupted: connecting it anew (for the "
                    "root store, starting the server) finds out which one counts",
                    store=record.name,
                    failure=FailureReason.PIN_SOURCE_UNREADABLE,
                )
            return self._credentials.current(record.name, member.name) if now.pin_current else source()

        return read

    def settle_pins(self, record: KeyStoreRecord) -> None:
        """`settle_pin` for every member; of a group one that answers is enough."""
        failures: list[StoreError] = []
        for member in record.members:
            try:
                self.settle_pin(record, member)
            except StoreError as error:
                failures.append(error)
        if len(failures) == len(record.members):
            raise failures[0]

    def settle_pin(self, record: KeyStoreRecord, member: Member) -> None:
        """Before a login: find out which PIN counts if a change was interrupted, and change it if that is wished."""
        if not record.rotate_pin and not pin_vaults.undecided(record, member):
            return
        vault = pin_vaults.vault_of(self._registry, self._credentials, record, member)
        settings = self.settings_of(record, member)
        if record.rotate_pin:
            rotation.rotate(settings, vault)
        else:
            rotation.find_out(settings, vault)

    def member(self, record: KeyStoreRecord, member: Member) -> PKCS11Store:
        """One token of the store. Nothing is opened before its first call."""
        return PKCS11Store(self.settings_of(record, member))

    def open(self, record: KeyStoreRecord) -> PKCS11Store | GroupStore:
        """The store. Nothing is opened before its first call."""
        if not record.is_group:
            return self.member(record, record.members[0])
        members = [(member.name, self.member(record, member)) for member in record.members]
        ledger = self._registry.ledger(record.name)
        self._registry.forget_wrapping_uses(record.name)  # the key that was used may be one that not all members have
        return GroupStore(record.name, members, record.transport_key, record.replication, ledger)
