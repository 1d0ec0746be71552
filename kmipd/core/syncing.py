"""Why a key is not copied to another member of its group: enumerated, each with what to do."""

from __future__ import annotations

from enum import Enum

from kmipd.core.model import ManagedObject, Principal


class SyncRefusal(Enum):
    """The value is the remedy."""

    UNKNOWN_KEY = "`kmipd key list` shows all keys"
    DESTROYED = "there is nothing left to copy"
    NOT_IN_A_TOKEN = "it is sealed in the registry and opens with its wrapping key: `kmipd store sync-all` sees to that"
    UNKNOWN_MEMBER = "`kmipd store describe` shows the members of the key's store"
    SAME_MEMBER = "name two different members"
    NO_COMMON_LINEAGE = "the member shares no transport key with the others: hold the ceremony (`kmipd store clone`)"
    NOT_CONNECTED = "connect the key store first"
    SOURCE_UNAVAILABLE = "no other member that answers holds the key"
    TARGET_UNAVAILABLE = "bring the member back; what it missed since, it catches up by itself"
    NOT_EXTRACTABLE = "its token never lets it leave: only a key that was made while the group stood is in all members"
    CONFLICT = "the member holds a different key under this identifier; nothing was changed: find out which is right"
    NOT_PERMITTED = "operators may sync any key, clients those of their own group, auditors none"
    UNFIT = "the token cannot take a key of this kind"

    @property
    def remedy(self) -> str:
        return self.value


class SyncRefused(Exception):
    """A key was not copied."""

    def __init__(self, refusal: SyncRefusal, what: str) -> None:
        super().__init__(f"{what}: {refusal.remedy}")
        self.refusal = refusal


def permit(principal: Principal | None, obj: ManagedObject) -> None:
    """The operator of the machine may (None), operators may, clients may with the keys of their group."""
    if principal is None or principal.role == "operator":
        return
    if principal.role != "client" or principal.group != obj.group:
        what = f"{principal.name!r}, a {principal.role} of group {principal.group!r}, may not sync {obj.uid}"
        raise SyncRefused(SyncRefusal.NOT_PERMITTED, what)
