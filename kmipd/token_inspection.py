"""What is in the tokens of a key store, in the words of vendors' tools: users, keys and their handles, attributes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from kmipd import app
from kmipd.administration import AdministrationError
from kmipd.core.errors import StoreUnavailable
from kmipd.core.keystores import unknown_store
from kmipd.core.model import ManagedObject, Placement
from kmipd_pkcs11.group import GroupStore
from kmipd_pkcs11.store import PKCS11Store

#: role of a client -> what vendors call such a user.
USER_TYPES = {"operator": "CO", "client": "CU", "auditor": "AU"}
_PAGE = 500


@dataclass(frozen=True, slots=True)
class KeyInToken:
    """A managed object as one member has it."""

    uid: str
    member: str
    handle: int | None  # of this process's login; None when the member does not have it
    label: str


def require_store(application: app.Application, name: str) -> None:
    """AdministrationError when there is no key store of this name: a mistyped one is not one without keys."""
    if all(record.name != name for record in application.records()):
        raise AdministrationError(f"there is no key store {name!r}; `kmipd store list` shows all")


def users(application: app.Application, store: str) -> list[dict[str, Any]]:
    """Who may use the store: the enrolled clients, with the number of their keys in it."""
    require_store(application, store)
    keys = Counter(obj.owner for obj in _objects(application, store))
    return [
        {
            "id": number,
            "type": USER_TYPES.get(client.role, client.role),
            "name": client.name,
            "group": client.group,
            "revoked": client.revoked is not None,
            "keys": keys[client.name],
        }
        for number, client in enumerate(application.registry.clients.all(), 1)
    ]


#: Members that do not answer, and why. The others are looked into all the same.
Away = dict[str, str]


def keys_of(application: app.Application, store: str, user: str | None) -> tuple[list[KeyInToken], Away]:
    """The token objects of a user, or of all, member by member."""
    if user is not None and application.registry.clients.find(user) is None:
        raise AdministrationError(f"no client {user!r} is enrolled; `kmipd client list` shows all")
    members = members_of(application, store)
    found, away = [], Away()
    for obj in _objects(application, store):
        if obj.placement is not Placement.RESIDENT or user not in (None, obj.owner):
            continue
        for name, token in members.items():
            for handle, attributes in _asked(name, token, obj, away):
                found.append(KeyInToken(obj.uid, name, handle, str(attributes.get("LABEL", ""))))
    return found, away


def _asked(name: str, token: PKCS11Store, obj: ManagedObject, away: Away) -> Iterator[tuple[int | None, Any]]:
    """What the member says of the key; nothing when it does not answer, and then it is asked once only."""
    if name in away:
        return
    try:
        yield token.describe(obj.token_key)
    except StoreUnavailable as error:
        away[name] = str(error)


def attributes_of(
    application: app.Application, uid: str, member: str | None
) -> tuple[list[tuple[str, int | None, Any]], Away]:
    """Every attribute of a key that is no material, in each member or in one: member, handle, attributes."""
    obj = application.registry.unit().get(uid)
    if obj is None:
        raise AdministrationError(f"there is no object {uid!r}; `kmipd key list` shows all")
    if obj.placement is not Placement.RESIDENT:
        raise AdministrationError(f"{uid} is no token object: it is {obj.placement.value}")
    members = members_of(application, obj.store)
    if member is not None and member not in members:
        raise AdministrationError(f"the key store {obj.store!r} has no member {member!r}: {', '.join(members)}")
    away = Away()
    chosen = {name: token for name, token in members.items() if member in (None, name)}
    return [(name, *said) for name, token in chosen.items() for said in _asked(name, token, obj, away)], away


def members_of(application: app.Application, store: str) -> dict[str, PKCS11Store]:
    """The tokens of a store that is connected; StoreNotConnected with the reason otherwise."""
    require_store(application, store)
    opened = application.services.stores.get(store) or unknown_store(store)
    if isinstance(opened, GroupStore):
        return opened.members
    if isinstance(opened, PKCS11Store):
        (record,) = [one for one in application.directory.records if one.name == store]
        return {record.members[0].name: opened}
    opened.random(1)  # raises the reason
    raise AdministrationError(f"the key store {store!r} has no tokens to look into")


def _objects(application: app.Application, store: str) -> Sequence[ManagedObject]:
    found: list[ManagedObject] = []
    offset = 0
    while page := application.registry.objects(limit=_PAGE, offset=offset):
        found += [obj for obj in page if obj.store == store and obj.placement is not Placement.GONE]
        offset += len(page)
    return found
