"""Where PINs that only the server knows are kept, so that a change may be interrupted at any moment.

Those of ordinary key stores are in the registry, sealed under the root store. The root store's own is in its PIN file:
a pending one beside it, which is renamed over it when the token has agreed.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from kmipd.core.errors import StoreUnavailable
from kmipd.core.keystores import KeyStoreRecord, Member, PinKind
from kmipd.keystores.credentials import Credentials
from kmipd.registry import Registry
from kmipd.trust import files
from kmipd_pkcs11.pin_sources import from_file, pin_from
from kmipd_pkcs11.rotation import Candidates, PinVault, Which


class RegistryVault:
    """See `PinVault`. Until the first change the PIN is that of the member's source."""

    def __init__(self, registry: Registry, credentials: Credentials, store: str, name: str) -> None:
        self._registry = registry
        self._credentials = credentials
        self._store = store
        self._name = name

    def candidates(self) -> Candidates:
        member = self._member
        current = self._opened(member.pin_current) if member.pin_current else pin_from(member.pin_source)()
        pending = self._opened(member.pin_pending) if member.pin_pending else ""
        return Candidates(current, pending, member.pin_tried)

    def remember(self, pin: str) -> None:
        self._put(replace(self._member, pin_pending=self._credentials.sealed(self._store, self._name, pin)))

    def trying(self, which: Which) -> None:
        self._put(replace(self._member, pin_tried=which))

    def settle(self, which: Which) -> None:
        member = self._member
        counts = member.pin_pending if which == "pending" else member.pin_current
        self._put(replace(member, pin_current=counts, pin_pending=b"", pin_tried=""))

    @property
    def _member(self) -> Member:
        return self._credentials.member(self._store, self._name)

    def _opened(self, sealed: bytes) -> str:
        return self._credentials.opened(self._store, self._name, sealed)

    def _put(self, member: Member) -> None:
        self._registry.key_stores.put_member(self._store, member)


class FileVault:
    """See `PinVault`. Files of mode 0600: the PIN, and while it is changed `.pending` and `.tried` beside it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._pending = path.with_name(f"{path.name}.pending")
        self._tried = path.with_name(f"{path.name}.tried")

    @property
    def undecided(self) -> bool:
        return self._pending.exists()

    def candidates(self) -> Candidates:
        current = from_file(self._path)
        if not self.undecided:
            return Candidates(current)
        tried = self._tried.read_text() if self._tried.exists() else ""
        return Candidates(current, from_file(self._pending), tried)

    def remember(self, pin: str) -> None:
        files.write(self._pending, f"{pin}\n".encode(), files.SECRET)
        self._flush()

    def trying(self, which: Which) -> None:
        files.write(self._tried, which.encode(), files.SECRET)
        self._flush()

    def settle(self, which: Which) -> None:
        if which == "pending":
            self._pending.replace(self._path)
        else:
            self._pending.unlink(missing_ok=True)
        self._tried.unlink(missing_ok=True)
        self._flush()

    def _flush(self) -> None:
        """The names in the directory are on the disk as well."""
        descriptor = os.open(self._path.parent, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def vault_of(registry: Registry, credentials: Credentials, record: KeyStoreRecord, member: Member) -> PinVault:
    """The vault of this token; StoreUnavailable for a root store whose PIN file is none."""
    if not in_file(record, member):
        return RegistryVault(registry, credentials, record.name, member.name)
    if member.pin_source.kind is not PinKind.FILE:
        raise StoreUnavailable("the PIN of the root store can be changed only while it is in a file", store=record.name)
    return FileVault(Path(member.pin_source.value[0]))


def in_file(record: KeyStoreRecord, member: Member) -> bool:
    """Whether the PIN is kept in the file of the root store: nothing could open a sealed one."""
    return record.root and member.name == record.members[0].name


def undecided(record: KeyStoreRecord, member: Member) -> bool:
    """Whether a change was begun and not settled: nobody but `rotation.find_out` may try a PIN."""
    if not in_file(record, member):
        return bool(member.pin_pending)
    source = member.pin_source
    return source.kind is PinKind.FILE and FileVault(Path(source.value[0])).undecided
