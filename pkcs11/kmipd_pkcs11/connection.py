"""A token that we are connected to: calls go through `run`, which recovers by itself and says why when it cannot.

States: NEW until the first call; UP; SUSPECT after an error that calls in question the session, the login or the
module; RECOVERING while one thread, and only one, logs in again; DOWN when that failed. While DOWN every call fails at
once with the reason, and a thread of this connection tries again after a growing pause. CLOSED is final.

Nothing here happens in the constructor, so that a worker process can fork first: most modules refuse to work in
a child.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from pkcs11.exceptions import PKCS11Error

from kmipd.core.errors import StoreError, StoreUnavailable
from kmipd.core.failures import FailureReason
from kmipd_pkcs11 import healing, judging, login
from kmipd_pkcs11.absence import Absences
from kmipd_pkcs11.errors import CHANGES, CallFailed, ErrorClass, TokenSick, Verb
from kmipd_pkcs11.gate import GateClosed
from kmipd_pkcs11.handles import HandleCache
from kmipd_pkcs11.locks import TokenLock
from kmipd_pkcs11.login import Login, PinRefused
from kmipd_pkcs11.module import Module, close_module, open_module
from kmipd_pkcs11.pins import latch_of
from kmipd_pkcs11.providers import facts_of
from kmipd_pkcs11.raw import Functions
from kmipd_pkcs11.reasons import failure_of
from kmipd_pkcs11.sessions import PooledSession, SessionPool, close_quietly
from kmipd_pkcs11.settings import StoreSettings
from kmipd_pkcs11.states import Failure, Remedy, State, outcome_of, remedy_for

T = TypeVar("T")


class Connection:
    """One token through one module, for all threads of this process."""

    def __init__(self, settings: StoreSettings) -> None:
        self.settings = settings
        self.facts = settings.facts or facts_of(settings.module)
        sessions = min(settings.sessions_max, self.facts.sessions - 1 if self.facts.sessions else settings.sessions_max)
        lock_file = settings.lock_file
        self.lock = TokenLock(settings.name, lock_file, settings.token_lock_wait, self.facts.serialise)
        self.latch = latch_of(lock_file)
        self.handles = HandleCache(settings.handles_max)
        self.absences = Absences(self.facts.view_lags)
        self.pool = SessionPool(settings.name, max(1, sessions), settings.session_wait)
        self.login: Login | None = None
        self.epoch = 0
        self.doubt = ""  # which change failed and was not looked into: finding nothing proves nothing
        self.demand_sentinel = True
        self.fingerprint = settings.fingerprint
        self._module: Module | None = None
        self._changed = threading.Condition(threading.RLock())
        self.state = State.NEW
        self.reason = "not connected yet"
        self.since = time.monotonic()  # of the state
        self.hangs = ""  # why only another process can recover: calls hang in the module
        self.report = healing.Report(settings.name)
        self.failure: FailureReason | None = None  # why it was down last
        self._reinitialise = self.facts.caches_pin and settings.pin_changes  # the next recovery begins with C_Finalize
        self._reinitialised = 0.0  # monotonic time of the last one
        self._process = 0
        self._unclosed = False  # a call hung in the module when this was to be closed
        self._healer = healing.Healer(settings.name, settings.backoff_first, settings.backoff_max, self._heal)

    @property
    def functions(self) -> Functions:
        if self._module is None:
            raise StoreUnavailable(f"key store {self.settings.name!r} is not connected", store=self.settings.name)
        return self._module.functions

    # One call ------------------------------------------------------------------------------------------------

    def run(self, verb: Verb, action: Callable[[PooledSession], T]) -> T:
        """`action` with a session, and again after a failure that may be got over: at most once for each remedy.

        `action` must bear being called again; `session.retry` tells. Only `StoreError` comes out.
        """
        failure: Failure | None = None
        tried: set[Remedy] = set()
        first = 0
        while True:
            try:
                module = self._enter()
            except StoreUnavailable as error:
                raise outcome_of(verb, failure, error) from None
            first = first or module.generation
            try:
                session: PooledSession | None = None
                try:
                    session = self.pool.borrow()
                    session.retry, session.touched = failure is not None, None
                    session.fresh = module.generation != first
                    result = action(session)
                except Exception as error:  # noqa: BLE001 - every error decides what becomes of the session
                    failure = judging.judge(self, session, verb, error, module)
                else:
                    self.pool.give_back(session)
                    return result
            finally:
                module.gate.leave()
                if self._unclosed:
                    self._leave()
            remedy = remedy_for(failure, tried, self.epoch)
            if remedy is Remedy.RECOVERY:
                self._recover_or_raise(failure, verb, again=remedy in tried)
            elif remedy in tried:
                raise failure.error
            tried.add(remedy)

    def connect(self) -> None:
        """Log in now rather than with the first call. StoreUnavailable says why it failed; recovery goes on."""
        self._enter().gate.leave()

    def _enter(self) -> Module:
        """Into the gate, with the login standing; StoreUnavailable when it does not."""
        while True:
            if self.state is not State.UP or self._process != os.getpid():
                self._stand_up()
            module = self._module
            if module is None:
                raise StoreUnavailable(self.reason, store=self.settings.name)
            try:
                module.gate.enter(self.settings.session_wait)
            except GateClosed as error:
                raise StoreUnavailable(f"key store {self.settings.name!r}: {error}", store=self.settings.name) from None
            current = self.login
            if self.state is State.UP and current is not None and module.generation == current.generation:
                return module
            module.gate.leave()
            self._suspect("the module was re-initialised for another key store", False, self.epoch)

    def _recover_or_raise(self, failure: Failure, verb: Verb, again: bool) -> None:
        """Have the next attempt log in again, or raise: one poisoned key must not re-initialise all the time."""
        reinitialise = failure.error_class in (ErrorClass.TOKEN, ErrorClass.HANDLE)
        lately = time.monotonic() - self._reinitialised < self.settings.backoff_first
        useless = reinitialise and lately and not failure.doubted
        if not useless:
            self._suspect(str(failure.error), reinitialise, failure.epoch)
        elif verb in CHANGES:
            self.doubt = self.doubt or str(failure.error)
        if again or useless:
            raise outcome_of(verb, failure, failure.error) from None

    # Recovery ------------------------------------------------------------------------------------------------

    def _suspect(self, reason: str, reinitialise: bool, epoch: int) -> None:
        with self._changed:
            if self.state is State.UP and self.epoch == epoch:
                self._become(State.SUSPECT, reason)
                self._reinitialise = reinitialise

    def _become(self, state: State, reason: str) -> None:
        """Change the state, for all who wait and for the log. CLOSED is final."""
        with self._changed:
            if self.state is not State.CLOSED:
                self.state, self.reason, self.since = state, reason, time.monotonic()
                self.report.state(state, reason)
            self._changed.notify_all()

    def _stand_up(self) -> None:
        """Recover, or wait for who does; StoreUnavailable when it failed."""
        if self._process not in (0, os.getpid()):
            raise RuntimeError(f"key store {self.settings.name!r} was connected before this process was forked")
        with self._changed:
            waiting = self.settings.session_wait
            if not self._changed.wait_for(lambda: self.state is not State.RECOVERING, waiting):
                raise StoreUnavailable(f"key store {self.settings.name!r} is reconnecting", store=self.settings.name)
            if self.state is State.UP:
                return
            if self.state in (State.DOWN, State.CLOSED):
                self.report.refused += 1
                raise StoreUnavailable(self.reason, store=self.settings.name, failure=self.failure)
            self._become(State.RECOVERING, self.reason)
        try:
            self._reconnect(self._reinitialise)
        except BaseException as error:
            self._down(error)
            if not isinstance(error, Exception):
                raise
            raise StoreUnavailable(self.reason, store=self.settings.name, failure=self.failure) from None
        self._become(State.UP, "ok")

    def _reconnect(self, reinitialise: bool) -> None:
        """`_log_in_anew`; but who was closed meanwhile keeps no login."""
        try:
            module = self._opened()
            pin = self.settings.pin()  # outside the gate: another store of the same module may have to open it
            with module.gate.exclusive(self.settings.drain):
                if self.state is not State.CLOSED:
                    self._log_in_anew(module, pin, reinitialise)
        finally:
            if self.state is State.CLOSED:
                self._leave()

    def _opened(self) -> Module:
        if self._module is not None:
            return self._module
        settings = self.settings
        module = open_module(settings.module, settings.environment, settings.reserved)
        with self._changed:
            if self.state is not State.CLOSED:
                self._process, self._module = os.getpid(), module
                return module
        close_module(module, settings.drain)
        raise StoreUnavailable(self.reason, store=settings.name)

    def _log_in_anew(self, module: Module, pin: str, reinitialise: bool) -> None:
        """In the module as it is, and if that fails or is not wanted, in a re-initialised one. The gate is held."""
        self._give_up_sessions(module)
        if module.generation and not reinitialise:
            try:
                self._log_in(module, pin)
                return
            except PinRefused:
                raise
            except (PKCS11Error, CallFailed, TokenSick, StoreError):
                pass  # now the thorough way
        if module.generation and self.facts.reinitialise:
            module.finalize()
            self._reinitialised = time.monotonic()
        module.initialize()
        self._log_in(module, pin)
        self.doubt = ""

    def _log_in(self, module: Module, pin: str) -> None:
        self.login = login.log_in(self, module, pin)
        self.epoch += 1
        self.pool.start(self.login.token, self.epoch)

    def _give_up_sessions(self, module: Module) -> None:
        current, self.login = self.login, None
        alive = current is not None and current.generation == module.generation != 0
        self.pool.drain(alive)
        if current is not None and alive:
            close_quietly(current.keeper)

    def _down(self, error: BaseException) -> None:
        self.failure = failure_of(error)
        reason = login.explain(self.settings.name, error)
        self.hangs = reason if isinstance(error, GateClosed) else ""
        self._become(State.DOWN, reason)
        if self.state is State.DOWN:
            self._healer.start()

    def _heal(self) -> bool:
        """One attempt of the healer; True when there is nothing left to do."""
        if self.state is not State.DOWN:
            return True
        try:
            if not login.worth_trying(self):
                return False
            self._reconnect(reinitialise=True)
        except Exception as error:  # noqa: BLE001 - whatever it was, it is the reason until the next attempt
            self._down(error)
            return False
        self.hangs = ""
        self._become(State.UP, "ok")
        return True

    def close(self) -> None:
        """Log out by closing every session, and give the module back. Calls in flight may end first; what hangs does
        it when it comes back after all."""
        with self._changed:
            if self.state is State.CLOSED:
                return
            self._become(State.CLOSED, f"key store {self.settings.name!r} is closed")
        self._healer.stop()
        self._leave()

    def _leave(self) -> None:
        """What `close` does once nobody is inside: here and now, or later by who comes out last."""
        module = self._module
        if module is None or self._process != os.getpid():
            self.lock.close()
            return
        try:
            with module.gate.exclusive(self.settings.drain):
                self._give_up_sessions(module)
                ours, self._module = self._module is not None, None
                self.lock.close()
            if ours:
                close_module(module, self.settings.drain)
        except GateClosed:  # a call hangs in the module: leave it alone
            self._unclosed = True
