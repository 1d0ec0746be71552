"""Changing a token's PIN to one that only the server knows, so that no crash locks us out.

The new PIN is remembered before the token is told, and counts only after the token has agreed. A crash in between
leaves two candidates; which one counts, only the token knows. It is asked, and remembered beforehand which candidate is
asked first: should we crash again after a refusal, the other one is asked first next time. So never are two wrong PINs
tried in a row, and the right one resets the token's counter.
"""

from __future__ import annotations

import secrets
import string
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, Literal, Protocol, TypeVar

from pkcs11.constants import TokenFlag
from pkcs11.exceptions import PKCS11Error

from kmipd.core.errors import StoreUnavailable
from kmipd.core.failures import FailureReason
from kmipd_pkcs11.codes import CKR
from kmipd_pkcs11.errors import CallFailed, ErrorClass, Verb, classify, name_of
from kmipd_pkcs11.gate import GateClosed
from kmipd_pkcs11.login import PinRefused, find_token
from kmipd_pkcs11.module import Module, close_module, open_module
from kmipd_pkcs11.pins import PinLatch, latch_of
from kmipd_pkcs11.raw import CKU_USER
from kmipd_pkcs11.reasons import failure_of, failure_of_code
from kmipd_pkcs11.sessions import close_quietly
from kmipd_pkcs11.settings import StoreSettings

T = TypeVar("T")
Which = Literal["current", "pending"]
PIN_LENGTH: Final = 24  # letters and digits: 142 bits, and short enough for every vendor known (CloudHSM: 7 to 32)
_ALPHABET: Final = string.ascii_letters + string.digits
#: After these the token has not changed its PIN; after anything else that is not known.
_NOT_CHANGED: Final = frozenset({ErrorClass.CALLER, ErrorClass.MECHANISM, ErrorClass.PIN, ErrorClass.BUSY})


@dataclass(frozen=True, slots=True)
class Candidates:
    """What may be the PIN."""

    current: str = field(repr=False)
    pending: str = field(default="", repr=False)  # empty: no change was begun
    tried: str = ""  # which of the two was tried first last time


class PinVault(Protocol):
    """Where the PIN of one token is kept. Every method but `candidates` returns when the disk has it."""

    def candidates(self) -> Candidates: ...

    def remember(self, pin: str) -> None:
        """`pin` is pending from now on."""

    def trying(self, which: Which) -> None:
        """`which` is about to be tried first."""

    def settle(self, which: Which) -> None:
        """`which` counts; the other one is forgotten."""


def random_pin() -> str:
    """A PIN that nobody types."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(PIN_LENGTH))


def find_out(settings: StoreSettings, vault: PinVault) -> str:
    """The PIN that counts, after a change that may have been interrupted. PinRefused when none does."""
    found = vault.candidates()
    if not found.pending:
        return found.current
    with _Opened(settings) as token:
        order: list[Which] = ["pending", "current"] if found.tried == "current" else ["current", "pending"]
        vault.trying(order[0])
        for which in order:
            pin = found.pending if which == "pending" else found.current
            if token.accepts(pin):
                vault.settle(which)
                return pin
    raise PinRefused(
        "a change of the PIN was interrupted, and the token refuses both the old and the new one",
        failure=FailureReason.INVALID_CREDENTIALS,
    )


def rotate(settings: StoreSettings, vault: PinVault) -> None:
    """Change the PIN. StoreUnavailable when it was not changed, or when that is not known: the next call finds out."""
    old = find_out(settings, vault)
    with _Opened(settings) as token:
        if token.latch.blocks(old):
            raise PinRefused("the PIN was refused earlier and is not tried again", failure=_BAD_PIN)
        new = random_pin()
        vault.remember(new)
        code = token.change(old, new)
        if code == CKR.OK:
            vault.settle("pending")
            return
        if classify(code, Verb.LOGIN) in _NOT_CHANGED:
            vault.settle("current")
        raise StoreUnavailable(f"the token did not change the PIN: {name_of(code)}", failure=failure_of_code(code))


_BAD_PIN: Final = FailureReason.INVALID_CREDENTIALS


class _Opened:
    """The token, for somebody who is not logged in. The module may be shared with stores that work meanwhile."""

    def __init__(self, settings: StoreSettings) -> None:
        self._settings = settings
        self.latch: PinLatch = latch_of(settings.lock_file)

    def __enter__(self) -> _Opened:
        settings = self._settings
        self._module: Module = open_module(settings.module, settings.environment, settings.reserved)
        try:
            if not self._module.generation:
                with self._module.gate.exclusive(settings.drain):
                    self._module.initialize()
        except BaseException as error:
            self.__exit__()
            if isinstance(error, GateClosed):
                raise _asked_in_vain(error) from None
            raise
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(GateClosed):  # somebody else's call hangs in it; what we came for is done
            close_module(self._module, self._settings.drain)

    def accepts(self, pin: str) -> bool:
        """Whether the token accepts this PIN; False also for one that it refused before, which is not tried again."""
        if self.latch.blocks(pin):
            return False
        return self._in_session(lambda session: self._log_in(session, pin) == CKR.OK)

    def change(self, old: str, new: str) -> int:
        """C_Login, C_SetPIN, C_Logout; the code of the first that fails."""

        def work(session: int) -> int:
            code = self._log_in(session, old)
            return code or self._module.functions.set_pin(session, old, new)

        return self._in_session(work)

    def _log_in(self, session: int, pin: str) -> int:
        code = self._module.functions.login(session, CKU_USER, pin)
        if code == CKR.OK:
            self.latch.clear()
        elif classify(code, Verb.LOGIN) is ErrorClass.PIN:
            if code != CKR.USER_PIN_NOT_INITIALIZED:  # nothing was compared: this one may well be set next
                self.latch.refuse(pin)
            if code != CKR.PIN_INCORRECT:
                raise PinRefused(f"the token refused the PIN with {name_of(code)}", failure=failure_of_code(code))
        else:
            raise StoreUnavailable(f"C_Login returned {name_of(code)}", failure=failure_of_code(code))
        return code

    def _in_session(self, work: Callable[[int], T]) -> T:
        module = self._module
        try:
            module.gate.enter(self._settings.session_wait)
        except GateClosed as error:
            raise _asked_in_vain(error) from None
        try:
            token = find_token(module, self._settings)
            if token.flags & TokenFlag.USER_PIN_FINAL_TRY:
                raise PinRefused(
                    "the token allows one more try of the PIN only: it is left to you",
                    failure=FailureReason.USER_LOCKED_OUT,
                )
            session = token.open(rw=True)
            try:
                handle: int = session.handle  # type: ignore[attr-defined]  # Cython's, not in the stubs
                return work(handle)
            finally:
                module.functions.code("C_Logout", handle)
                close_quietly(session)
        except (PKCS11Error, CallFailed) as error:
            raise _asked_in_vain(error) from None
        finally:
            module.gate.leave()


def _asked_in_vain(error: Exception) -> StoreUnavailable:
    return StoreUnavailable(f"the token cannot be asked: {error}", failure=failure_of(error))
