"""The ceremony by which a token becomes a clone in a group; see docs/adr/0031 and `kmipd_pkcs11.ceremony`.

First the newcomer makes a key pair, and its fingerprint is read out. Then the operator gives the fingerprint, and a
member of the group hands a new transport key over to it and to all other members. The store is DISCONNECTED meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path

from kmipd.core.errors import StoreError
from kmipd.core.keystores import Command, ConnectionState, InvalidState, KeyStoreRecord, Member
from kmipd.core.ports import KeyClass
from kmipd.core.vault import CKA_ID_SIZE
from kmipd.keystores import connecting, preparing
from kmipd.keystores.auditing import audit
from kmipd.keystores.opening import Opener
from kmipd.registry import Registry
from kmipd.registry.keystores import KeyStoreUnknown
from kmipd_pkcs11.ceremony import fingerprint
from kmipd_pkcs11.store import PKCS11Store


class CeremonyRefused(Exception):
    """The ceremony does not go on. One sentence: why, and what to do."""


class Cloning:
    """Ceremonies on the groups of one kmipd directory. `record_of` reads a record anew.

    Nobody connects the store meanwhile: PINs are changed by both, and would be lost if that was done at the same time.
    """

    def __init__(
        self, registry: Registry, opener: Opener, directory: Path, record_of: Callable[[str], KeyStoreRecord]
    ) -> None:
        self._registry = registry
        self._opener = opener
        self._directory = directory
        self._record_of = record_of

    def begin(self, store: str, newcomer: str) -> str:
        """The newcomer's key pair is made; its fingerprint, to be compared by people."""
        with connecting.alone(self._directory, store):
            return self._begin(store, newcomer)

    def finish(self, store: str, newcomer: str, confirmed: str) -> str:
        """The newcomer and all members get a new transport key; its check value, the same in every token."""
        with connecting.alone(self._directory, store):
            return self._finish(store, newcomer, confirmed)

    def _begin(self, store: str, newcomer: str) -> str:
        record, member = self._in_group(store, newcomer)
        preparing.prepare_member(self._registry, self._opener, record, member)
        record, member = self._in_group(store, newcomer)
        token = self._opener.member(record, member)
        try:
            if member.ceremony_key:
                with suppress(StoreError):  # of one that was begun before and not finished
                    token.destroy(member.ceremony_key)
            ceremony_key = token.random(CKA_ID_SIZE)
            public = token.ceremony.begin(ceremony_key)
        finally:
            token.close()
        changed = replace(member, ceremony_key=ceremony_key, ceremony_public=public)
        self._registry.key_stores.put_member(store, changed)
        return fingerprint(public)

    def _finish(self, store: str, newcomer: str, confirmed: str) -> str:
        record, member = self._in_group(store, newcomer)
        if not member.ceremony_public:
            raise CeremonyRefused(f"no ceremony was begun for {newcomer!r}: `kmipd store clone begin` comes first")
        if confirmed.strip().lower() != fingerprint(member.ceremony_public):
            raise CeremonyRefused(
                "the fingerprint is not that of the key which is waiting: nothing was handed over. Compare it with "
                "what `kmipd store clone begin` showed; if it was right, somebody has exchanged the key in the registry"
            )
        if self._registry.ledger(store).pending():
            raise CeremonyRefused(
                f"members of {store!r} have still to catch up, under the transport key there is: connect the store "
                "with all of them first"
            )
        clones = [one for one in record.members if one.transport_key and one.transport_key == record.transport_key]
        sources = [one for one in clones if one.name != newcomer] or [one for one in record.members if one != member]
        source, others = sources[0], [one for one in clones if one.name not in (newcomer, sources[0].name)]
        with ExitStack() as stack:
            tokens = {one.name: self._opened(stack, record, one) for one in (source, *others, member)}
            new = self._hand_over(record, tokens, source.name, member)
            values = {token.transport.check_value(new, new, KeyClass.SECRET) for token in tokens.values()}
            if len(values) != 1:
                raise CeremonyRefused("the tokens do not hold the same transport key afterwards: the old one stays")
            self._settle(store, new, tuple(tokens))
            self._tidy(tokens, member, record.transport_key)
        audit(self._registry, "CLONE_STORE", f"{store}/{newcomer}")
        return values.pop()

    def _in_group(self, store: str, name: str) -> tuple[KeyStoreRecord, Member]:
        record = self._record_of(store)
        member = record.member(name)
        if member is None:
            raise KeyStoreUnknown(f"the key store {store!r} has no member {name!r}")
        if record.state is not ConnectionState.DISCONNECTED:
            raise InvalidState(f"the key store {store!r} is {record.state.value}: disconnect it for the ceremony")
        if not record.is_group:
            raise CeremonyRefused(f"the key store {store!r} has one token: `kmipd store add-member` adds another")
        return record, member

    def _opened(self, stack: ExitStack, record: KeyStoreRecord, member: Member) -> PKCS11Store:
        preparing.prepare_member(self._registry, self._opener, record, member)
        token = self._opener.member(self._record_of(record.name), member)
        stack.callback(token.close)
        return token

    def _hand_over(
        self, record: KeyStoreRecord, tokens: dict[str, PKCS11Store], source: str, newcomer: Member
    ) -> bytes:
        """Make the new transport key in `source` and bring it to all others; its CKA_ID."""
        shared = len(tokens) > 2  # members beside source and newcomer hold the old one
        new = tokens[source].random(CKA_ID_SIZE)
        old = record.transport_key if shared else b""
        bequest = tokens[source].ceremony.bequeath(new, old, newcomer.ceremony_public)
        tokens[newcomer.name].ceremony.inherit(new, newcomer.ceremony_key, bequest)
        for name, token in tokens.items():
            if name not in (source, newcomer.name) and bequest.for_members is not None:
                token.transport.take(old, new, bequest.for_members)
        return new

    def _settle(self, store: str, new: bytes, clones: tuple[str, ...]) -> None:
        """The record first names the key when every token has it."""
        record = self._registry.key_stores.get(store)
        members = tuple(
            replace(one, transport_key=new, ceremony_key=b"", ceremony_public=b"") if one.name in clones else one
            for one in record.members
        )
        self._registry.key_stores.replace(replace(record, transport_key=new, members=members), Command.UPDATE)

    @staticmethod
    def _tidy(tokens: dict[str, PKCS11Store], newcomer: Member, old: bytes) -> None:
        """What nobody needs any more: the ceremony's key pair, and the old transport key. Best effort."""
        with suppress(StoreError):
            tokens[newcomer.name].destroy(newcomer.ceremony_key)
        if old:
            for token in tokens.values():
                with suppress(StoreError):
                    token.destroy(old)
