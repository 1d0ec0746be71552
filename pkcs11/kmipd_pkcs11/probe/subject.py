"""The token under examination: sessions that are used once, and keys that never outlive it."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, TypeVar

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap
from pkcs11.constants import Attribute as A
from pkcs11.exceptions import PKCS11Error

from kmipd.core.errors import StoreDishonest, StoreUnavailable
from kmipd_pkcs11.connection import Connection
from kmipd_pkcs11.errors import CallFailed, code_of, name_of
from kmipd_pkcs11.raw import TRUE, Functions, Template
from kmipd_pkcs11.sessions import PooledSession
from kmipd_pkcs11.settings import StoreSettings

LABEL: Final = "kmipd-probe"
_OURS: Final[Template] = ((A.TOKEN, TRUE), (A.LABEL, LABEL.encode()))
T = TypeVar("T")


class Refused(Exception):
    """The token refused, with this return code."""

    def __init__(self, code: int) -> None:
        super().__init__(name_of(code))
        self.code = code


class Subject:
    """One token, logged in to. Closing it removes every key made here; opening it, those of a probe that was killed."""

    def __init__(self, settings: StoreSettings) -> None:
        self._connection = Connection(settings)
        self._connection.demand_sentinel = False
        try:
            self._connection.connect()
            self.remove_all()
        except BaseException:
            self._connection.close()
            raise
        login = self._connection.login
        if login is None:
            raise StoreUnavailable(self._connection.reason)
        self.token = login.token
        self.mechanisms = frozenset(int(mechanism) for mechanism in self.token.slot.get_mechanisms())

    @property
    def functions(self) -> Functions:
        return self._connection.functions

    @contextmanager
    def session(self) -> Iterator[PooledSession]:
        """A fresh one: whatever goes wrong in it harms nothing else. Refused says what the token refused."""
        login = self._connection.login
        assert login is not None
        session = PooledSession(login.token.open(rw=True), self._connection.epoch)
        try:
            yield session
        except (CallFailed, PKCS11Error) as error:
            raise Refused(code_of(error) or 0) from None
        finally:
            session.close()

    def outcome(self, work: Callable[[PooledSession], T]) -> T | str:
        """What `work` makes of it, or in words why not."""
        try:
            with self.session() as session:
                return work(session)
        except Refused as error:
            return str(error)
        except (InvalidTag, InvalidUnwrap, StoreDishonest, ValueError) as error:
            return f"wrong: {error or type(error).__name__}"

    def new_id(self) -> bytes:
        return secrets.token_bytes(16)

    def remove_all(self) -> int:
        """Destroy what carries our label; how many there were."""
        login = self._connection.login
        if login is None:
            return 0
        with self.session() as session:
            handles = self.functions.find(session.handle, _OURS)
            for handle in handles:
                self.functions.destroy(session.handle, handle)
        return len(handles)

    def close(self) -> None:
        try:
            self.remove_all()
        finally:
            self._connection.close()
