"""The sessions of one login: a keeper that nobody uses, and a bounded pool that serves.

Login state belongs to application and token, so pool sessions need no PIN. The keeper keeps the login alive while the
pool is empty; it is never closed before another one stands. A session that returned an unexpected error is closed: its
operation may still be active, and every later call on it would fail.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from typing import TYPE_CHECKING

from pkcs11.exceptions import PKCS11Error
from pkcs11.types import Session, Token

from kmipd.core.errors import StoreUnavailable
from kmipd_pkcs11.codes import CKR
from kmipd_pkcs11.errors import code_of

if TYPE_CHECKING:
    from kmipd_pkcs11.release import ReleaseKey


class PooledSession:
    """A session, with what belongs to it: the epoch of its login and its key for releases."""

    __slots__ = ("epoch", "fresh", "handle", "kek", "retry", "session", "touched")

    def __init__(self, session: Session, epoch: int) -> None:
        self.session = session
        self.handle: int = session.handle  # type: ignore[attr-defined]  # Cython's, not in the stubs
        self.epoch = epoch
        self.kek: ReleaseKey | None = None
        self.retry = False  # this is the second attempt of a call
        self.fresh = False  # the module was initialised since its first attempt
        self.touched: bytes | None = None  # the CKA_ID whose handle the call uses, to be dropped when it is void

    def close(self) -> None:
        """Close it; a session that is gone already is no failure. Its release key is overwritten."""
        self.wipe()
        close_quietly(self.session)

    def wipe(self) -> None:
        """Overwrite the value of its release key."""
        if self.kek is not None:
            self.kek.wipe()
            self.kek = None


def close_quietly(session: Session) -> None:
    """C_CloseSession of a session that is given up: that it is gone already is no failure."""
    with contextlib.suppress(PKCS11Error):
        session.close()


class SessionPool:
    """At most `maximum` sessions of one epoch, opened as they are needed; the last used serves first."""

    def __init__(self, store: str, maximum: int, wait: float) -> None:
        self._store = store
        self._maximum = maximum
        self._wait = wait
        self._changed = threading.Condition(threading.Lock())
        self._idle: deque[PooledSession] = deque()
        self._opened = 0
        self._waiting = 0
        self._token: Token | None = None
        self._epoch = 0

    @property
    def opened(self) -> int:
        """Sessions that exist, idle or in use."""
        return self._opened

    def start(self, token: Token, epoch: int) -> None:
        """Serve sessions of this login from now on. The gate is held: none is in use."""
        with self._changed:
            self._token, self._epoch, self._opened = token, epoch, 0
            self._changed.notify_all()

    def drain(self, alive: bool) -> None:
        """Give up all idle sessions. The gate is held: none is in use.

        `alive` is False when the module was re-initialised since: the handle may name a new session by now.
        """
        while self._idle:
            session = self._idle.pop()
            if alive:
                session.close()
            else:
                session.wipe()
        with self._changed:
            self._opened = 0

    def borrow(self) -> PooledSession:
        """A session of the present epoch; StoreUnavailable when all are busy for the whole time-out."""
        try:
            return self._idle.pop()  # atomic; the usual case takes no lock
        except IndexError:
            return self._borrow_slowly()

    def give_back(self, session: PooledSession) -> None:
        """It ended well, or with an error after which sessions are clean."""
        self._idle.append(session)
        if self._waiting:
            with self._changed:
                self._changed.notify()

    def discard(self, session: PooledSession) -> None:
        """It returned an unexpected error: close it and let another be opened."""
        session.close()
        with self._changed:
            if session.epoch == self._epoch:
                self._opened -= 1
            self._changed.notify()

    def _borrow_slowly(self) -> PooledSession:
        deadline = time.monotonic() + self._wait
        refused = False  # the token allows no more: one that exists has to come back
        while (session := self._waited_for(deadline, refused)) is None:
            session, refused = self._open(), True
            if session is not None:
                return session
        return session

    def _waited_for(self, deadline: float, refused: bool) -> PooledSession | None:
        """An idle one, or None: then there is a place for one more, which is taken."""
        with self._changed:
            self._waiting += 1  # before looking again: from here on `give_back` notifies
            try:
                while True:
                    try:
                        return self._idle.pop()  # the fast way takes no lock, so it may be gone again
                    except IndexError:
                        pass
                    if self._opened < self._maximum and not (refused and self._opened):
                        self._opened += 1
                        return None
                    left = deadline - time.monotonic()
                    if left <= 0:
                        raise StoreUnavailable(
                            f"key store {self._store!r}: all {self._opened} sessions were busy for {self._wait:g} s",
                            store=self._store,
                        )
                    self._changed.wait(left)
                    refused = False
            finally:
                self._waiting -= 1

    def _open(self) -> PooledSession | None:
        """One more, or None when the token allows no more and those that exist come back some time. The pool is not
        locked: opening takes a round trip to the token, or hangs, and others give their sessions back meanwhile."""
        try:
            if self._token is None:
                raise StoreUnavailable(f"key store {self._store!r} is not connected", store=self._store)
            return PooledSession(self._token.open(rw=True), self._epoch)
        except BaseException as error:
            with self._changed:
                self._opened -= 1
                others = self._opened
                self._changed.notify()
            if isinstance(error, PKCS11Error) and code_of(error) == CKR.SESSION_COUNT and others:
                return None
            raise
