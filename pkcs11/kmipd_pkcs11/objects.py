"""Finding, proving absent, reading back and destroying token objects, with the token's mutex around what needs it."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from typing import Final

from pkcs11.constants import Attribute as A
from pkcs11.constants import ObjectClass

from kmipd.core.errors import StoreDishonest, TokenKeyMissing
from kmipd.core.ports import KeyClass, TokenObject
from kmipd_pkcs11 import sentinel
from kmipd_pkcs11.codes import CKR
from kmipd_pkcs11.connection import Connection
from kmipd_pkcs11.errors import CallFailed, ErrorClass, TokenSick, Verb, ViewDoubted, classify
from kmipd_pkcs11.raw import TRUE, Functions, ulong
from kmipd_pkcs11.sessions import PooledSession
from kmipd_pkcs11.templates import Attributes, differences

CLASSES: Final = {
    KeyClass.SECRET: ObjectClass.SECRET_KEY,
    KeyClass.PRIVATE: ObjectClass.PRIVATE_KEY,
    KeyClass.PUBLIC: ObjectClass.PUBLIC_KEY,
}
# CKA_IDs that are read rather than searched for one: SoftHSM2 reads all objects for each search, an HSM does not.
_READ_FOR_ONE_SEARCH: Final = 64
# Seconds before the next of many keys is destroyed: others wait for the token's lock, and poll for that of the file.
_LET_OTHERS_IN: Final = 0.005
_TEXT_ROOM: Final = 512  # bytes for a CKA_ID or CKA_LABEL of somebody else's object; longer ones are shown as empty


class Objects:
    """The objects of one connection. Every method is called with a session, inside `Connection.run`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def handle(self, session: PooledSession, cka_id: bytes, key_class: KeyClass) -> int:
        """The handle, from the cache or by a search. TokenKeyMissing when a healthy token does not have it."""
        connection = self._connection
        object_class = ObjectClass.SECRET_KEY if key_class is KeyClass.SECRET else CLASSES[key_class]
        session.touched = cka_id
        cached = connection.handles.get(cka_id, object_class, connection.epoch)
        if cached is not None:
            return cached
        with connection.lock.searching():
            wanted = ((A.CLASS, ulong(object_class)), (A.TOKEN, TRUE), (A.ID, cka_id))
            found = connection.functions.find(session.handle, wanted)
            if not found:
                self._prove_absence(session, cka_id)
                raise TokenKeyMissing(f"no {key_class.value} key {cka_id.hex()} in the token", store=self._name)
        if len(found) > 1:
            raise StoreDishonest(f"{len(found)} {key_class.value} keys {cka_id.hex()} in the token", store=self._name)
        connection.handles.put(cka_id, object_class, connection.epoch, found[0])
        return found[0]

    def all_of(self, session: PooledSession, cka_id: bytes) -> list[int]:
        """The handles of every object of this CKA_ID; empty only when that is proved. The token lock is held."""
        found = self._connection.functions.find(session.handle, ((A.TOKEN, TRUE), (A.ID, cka_id)))
        if not found:
            self._prove_absence(session)
        return found

    def exists(self, session: PooledSession, cka_id: bytes) -> bool:
        """False only when that is proved."""
        with self._connection.lock.searching():
            return bool(self.all_of(session, cka_id))

    def destroy_all(self, session: PooledSession, cka_id: bytes) -> None:
        """Destroy every object of this CKA_ID; the token confirmed each, or they are proved absent."""
        self._connection.handles.drop(cka_id)
        session.touched = cka_id
        with self._connection.lock.writing():
            found = self.all_of(session, cka_id)
            if not found:
                self._prove_absence(session, cka_id)
            self._connection.absences.known_here(cka_id)
            for handle in found:
                self._connection.functions.destroy(session.handle, handle)

    def destroy_each(self, session: PooledSession, cka_ids: Collection[bytes]) -> frozenset[bytes]:
        """Destroy every object of these CKA_IDs; those of which nothing is left, destroyed or proved absent."""
        connection, refused = self._connection, set()
        with connection.lock.searching():
            found = self._by_id(session, cka_ids)
            if missing := [cka_id for cka_id in cka_ids if cka_id not in found]:
                self._prove_absence(session, *missing)
        for cka_id, handles in found.items():
            time.sleep(_LET_OTHERS_IN)
            connection.handles.drop(cka_id)
            connection.absences.known_here(cka_id)
            try:
                with connection.lock.writing():
                    for handle in handles:
                        self._demand_still(session, handle, cka_id)
                        connection.functions.destroy(session.handle, handle)
            except CallFailed as error:
                if classify(error.code, Verb.DESTROY, connection.facts.overrules) is not ErrorClass.CALLER:
                    raise
                refused.add(cka_id)  # it stands in nobody else's way
        return frozenset(cka_ids) - refused

    def _demand_still(self, session: PooledSession, handle: int, cka_id: bytes) -> None:
        """The lock was free since the handle was found: by now it may be void, or name a key that was made since."""
        if self._read(session, handle, A.ID) != [cka_id]:
            raise CallFailed("C_DestroyObject", CKR.OBJECT_HANDLE_INVALID)

    def _by_id(self, session: PooledSession, cka_ids: Collection[bytes]) -> dict[bytes, list[int]]:
        """The handles of those that are there. The token lock is held."""
        functions = self._connection.functions
        found: dict[bytes, list[int]] = {}
        everything = functions.find(session.handle, ((A.TOKEN, TRUE),))
        if len(everything) > _READ_FOR_ONE_SEARCH * len(cka_ids):
            for cka_id in cka_ids:
                if handles := functions.find(session.handle, ((A.TOKEN, TRUE), (A.ID, cka_id))):
                    found[cka_id] = handles
            return found
        wanted = frozenset(cka_ids)
        for handle in everything:
            for cka_id in self._read(session, handle, A.ID) or ():
                if cka_id in wanted:
                    found.setdefault(cka_id, []).append(handle)
        return found

    def _read(self, session: PooledSession, handle: int, *attributes: A) -> Sequence[bytes] | None:
        """Attributes of an object that may be somebody else's, empty where it has none; None when it is gone."""
        wanted = [(attribute, _TEXT_ROOM) for attribute in attributes]
        try:
            found = self._connection.functions.attributes(session.handle, handle, wanted)
        except CallFailed as error:
            if error.code == CKR.OBJECT_HANDLE_INVALID:
                return None  # somebody destroyed it meanwhile
            raise
        return [value or b"" for value in found]

    def make(self, session: PooledSession, cka_id: bytes, generate: Callable[[], Sequence[int]]) -> Sequence[int]:
        """Generate under the token lock. The CKA_ID is random and fresh, so nothing is searched before the first try;
        before a second one, whatever the first left behind is removed: nobody has been told of it."""
        self._connection.absences.known_here(cka_id)
        with self._connection.lock.writing():
            if session.retry:
                for handle in self.all_of(session, cka_id):
                    self._connection.functions.destroy(session.handle, handle)
            return generate()

    def remember(self, cka_id: bytes, key_class: KeyClass, handle: int) -> None:
        """A handle that was just made."""
        self._connection.handles.put(cka_id, CLASSES[key_class], self._connection.epoch, handle)

    def check(self, session: PooledSession, handle: int, asked: Attributes) -> None:
        """StoreDishonest when the object is not what was asked for."""
        functions, facts = self._connection.functions, self._connection.facts
        got = functions.attributes(session.handle, handle, [(attribute, len(value)) for attribute, value in asked])
        if wrong := differences(asked, got, facts.not_read_back):
            raise StoreDishonest(
                f"key store {self._name!r}: the token made a key that differs in {', '.join(wrong)}; it was removed",
                store=self._name,
            )

    def demand_extractable(self, session: PooledSession, handle: int) -> None:
        """For tokens that wrap whatever they are told to: what the standard has them say themselves."""
        (value,) = self._connection.functions.attributes(session.handle, handle, ((A.EXTRACTABLE, 1),))
        if value != TRUE:
            raise CallFailed("C_WrapKey", CKR.KEY_UNEXTRACTABLE)

    def remove(self, session: PooledSession, handles: Sequence[int]) -> None:
        """Destroy what was just made."""
        with self._connection.lock.writing():
            for handle in handles:
                self._connection.functions.destroy(session.handle, handle)

    def list(self, session: PooledSession) -> list[TokenObject]:
        """All key objects. TokenSick when the sentinel is not among them."""
        functions = self._connection.functions
        rows: list[TokenObject] = []
        for key_class, object_class in CLASSES.items():
            with self._connection.lock.searching():
                handles = functions.find(session.handle, ((A.CLASS, ulong(object_class)), (A.TOKEN, TRUE)))
            for handle in handles:
                if (found := self._read(session, handle, A.ID, A.LABEL)) is not None:
                    cka_id, label = found[0], found[1].decode("utf-8", "replace")
                    rows.append(TokenObject(cka_id, key_class, label, internal=cka_id == sentinel.CKA_ID))
        if all(row.cka_id != sentinel.CKA_ID for row in rows):
            with self._connection.lock.searching():
                self._prove_absence(session)
        return rows

    def _prove_absence(self, session: PooledSession, *cka_ids: bytes) -> None:
        """TokenSick unless the sentinel is listed, and no failed change has left the token's view in doubt.

        Of keys, ViewDoubted unless this process's view of the token can be believed.
        """
        absences = self._connection.absences
        if not all(absences.believed(cka_id, fresh=session.fresh) for cka_id in cka_ids):
            raise ViewDoubted(
                f"key store {self._name!r}: a key is not in this process's view of the token; it is looked at anew"
            )
        if self._connection.doubt:
            raise TokenSick(f"{self._connection.doubt}; until then what it lists is not believed")
        sentinel.demand(self._connection.functions, session.handle, self._name)

    @property
    def functions(self) -> Functions:
        return self._connection.functions

    @property
    def _name(self) -> str:
        return self._connection.settings.name
