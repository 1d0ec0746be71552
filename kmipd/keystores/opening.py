"""From what is remembered of a key store to one that can be used. Nothing here touches a token."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from kmipd.config import Settings, SettingsError
from kmipd.core.keystores import ConnectionState, KeyStoreRecord, Member
from kmipd.keystores.credentials import Credentials
from kmipd.registry import Registry
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

    def __init__(self, settings: Settings, credentials: Credentials) -> None:
        self._settings = settings
        self._credentials = credentials

    def lock_file(self, record: KeyStoreRecord, member: Member) -> Path:
        """Shared by all processes that use the token; a refused PIN is remembered beside it."""
        name = record.name if record.root and member.name == FILE_MEMBER else f"{record.name}.{member.name}"
        return self._settings.directory / f"{name}.lock"

    def settings_of(
        self, record: KeyStoreRecord, member: Member, pin: Callable[[], str] | None = None
    ) -> StoreSettings:
        """How this member is reached. `pin` in place of the one that counts."""
        section = self._settings.store
        return StoreSettings(
            name=record.name if not record.is_group else f"{record.name}/{member.name}",
            module=Path(member.module),
            token_label=member.token_label,
            token_serial=member.token_serial,
            pin=pin or self._pin(record, member),
            environment=member.environment,
            reserved=member.reserved,
            sessions_max=section.sessions_max,
            release_kek_uses_max=section.release_kek_uses_max,
            lock_file=self.lock_file(record, member),
            fingerprint=member.sentinel,
        )

    def _pin(self, record: KeyStoreRecord, member: Member) -> Callable[[], str]:
        if member.pin_current:
            return lambda: self._credentials.current(record.name, member.name)
        return pin_from(member.pin_source)

    def member(self, record: KeyStoreRecord, member: Member) -> PKCS11Store:
        """One token of the store. Nothing is opened before its first call."""
        return PKCS11Store(self.settings_of(record, member))

    def open(self, record: KeyStoreRecord) -> PKCS11Store:
        """The store. Nothing is opened before its first call."""
        return self.member(record, record.members[0])
