"""Finding the token and logging in: once per process and token, by a keeper session that nobody else uses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pkcs11.constants import TokenFlag
from pkcs11.exceptions import PKCS11Error
from pkcs11.types import Session, Token

from kmipd.core.errors import StoreError, StoreUnavailable
from kmipd.core.failures import FailureReason
from kmipd_pkcs11 import sentinel
from kmipd_pkcs11.codes import CKR
from kmipd_pkcs11.errors import CallFailed, ErrorClass, TokenSick, Verb, classify, code_of, name_of
from kmipd_pkcs11.gate import GateClosed
from kmipd_pkcs11.raw import CKU_USER
from kmipd_pkcs11.reasons import failure_of_code
from kmipd_pkcs11.sessions import close_quietly

if TYPE_CHECKING:
    from kmipd_pkcs11.connection import Connection
    from kmipd_pkcs11.module import Module
    from kmipd_pkcs11.settings import StoreSettings

__all__ = ["CallFailed", "Login", "PinRefused", "explain", "log_in", "worth_trying"]


class PinRefused(StoreUnavailable):
    """The token refused the PIN, now or earlier. Nothing but another PIN, or the operator's word, leads on."""


@dataclass(frozen=True, slots=True)
class Login:
    """What holds the login. `keeper` is used by nobody and closed only when the login is given up."""

    keeper: Session
    token: Token
    generation: int  # of the module


def log_in(connection: Connection, module: Module, pin: str) -> Login:
    """Open the keeper, log in, and see the sentinel. The gate is held.

    Raises what python-pkcs11 raises, CallFailed, TokenSick, and StoreUnavailable with what to do.
    """
    token = find_token(module, connection.settings)
    keeper = token.open(rw=True)
    try:
        handle: int = keeper.handle  # type: ignore[attr-defined]  # Cython's, not in the stubs
        with connection.lock.alone():  # no two processes try a wrong PIN at the same time
            _authenticate(connection, module, handle, pin)
        with connection.lock.searching():
            _recognise(connection, module, keeper, handle)
    except BaseException:
        close_quietly(keeper)
        raise
    return Login(keeper, token, module.generation)


def find_token(module: Module, settings: StoreSettings) -> Token:
    """The token by serial, else by label; StoreUnavailable when there is none or more than one, PKCS11Error when no
    slot answers."""
    wanted = settings.token_serial or settings.token_label
    tokens, broken = module.look()
    if settings.token_serial:
        matching = [token for token in tokens if _serial(token) == wanted]
    else:
        matching = [token for token in tokens if token.label == wanted]
    if len(matching) == 1:
        return matching[0]
    if not tokens and broken is not None:
        raise broken
    present = ", ".join(map(_named, tokens)) or "none"
    if matching:
        raise StoreUnavailable(
            f"{len(matching)} tokens are called {wanted!r}: choose one by its serial number: "
            + ", ".join(map(_serial, matching)),
            failure=FailureReason.TOKEN_AMBIGUOUS,
        )
    code = code_of(broken) if broken is not None else None
    if code is not None and failure_of_code(code) is not FailureReason.TOKEN_NOT_FOUND:
        raise StoreUnavailable(
            f"the token {wanted!r} may be the one in a slot that answers {name_of(code)}; present: {present}",
            failure=failure_of_code(code),
        )
    raise StoreUnavailable(
        f"the token {wanted!r} is not there; present: {present}; initialise it or correct the name",
        failure=FailureReason.TOKEN_NOT_FOUND,
    )


def _serial(token: Token) -> str:
    return token.serial.decode("ascii", "replace")


def _named(token: Token) -> str:
    if not token.flags & TokenFlag.TOKEN_INITIALIZED:
        return "one that is not initialised"
    return f"{token.label!r} (serial {_serial(token)})"


def _authenticate(connection: Connection, module: Module, session: int, pin: str) -> None:
    if connection.latch.blocks(pin):
        what = _refusal(connection, "was refused earlier and is not tried again")
        raise PinRefused(what, failure=FailureReason.INVALID_CREDENTIALS)
    code = module.functions.login(session, CKU_USER, pin)
    if code == CKR.USER_ALREADY_LOGGED_IN:
        return
    if code == CKR.OK:
        connection.latch.clear()
        return
    if code == CKR.USER_PIN_NOT_INITIALIZED:
        # Nothing was compared, and the security officer may well set this very PIN: it is not latched.
        raise PinRefused(f"the token has no user PIN yet ({name_of(code)})", failure=failure_of_code(code))
    if classify(code, Verb.LOGIN, connection.facts.overrules) is ErrorClass.PIN:
        connection.latch.refuse(pin)
        what = f"was refused with {name_of(code)} and is not tried again"
        raise PinRefused(_refusal(connection, what), failure=failure_of_code(code))
    raise CallFailed("C_Login", code)


def _refusal(connection: Connection, what: str) -> str:
    remedy = "correct the PIN"
    if connection.latch.path is not None:
        remedy += f", or remove {connection.latch.path} to have the same one tried once more"
    return f"the PIN {what}, since tokens lock after a few attempts; {remedy}"


def _recognise(connection: Connection, module: Module, keeper: Session, session: int) -> None:
    """The sentinel is listed, and is the one that we have seen before."""
    if not connection.demand_sentinel:
        return
    handle = sentinel.demand(module.functions, session, connection.settings.name)
    compare(connection, *sentinel.fingerprint(keeper, handle))


def compare(connection: Connection, fingerprint: bytes, refused: str) -> None:
    """StoreUnavailable when the sentinel is not the one seen before; the first one seen is remembered. `refused` is the
    code for which there is no fingerprint."""
    if connection.fingerprint and not fingerprint:
        what = f"the token refuses CKM_AES_ECB with {refused}, which it had before"
        raise TokenSick(f"key store {connection.settings.name!r}: {what}")
    if connection.fingerprint and fingerprint != connection.fingerprint:
        raise StoreUnavailable(
            "the token has the name but not the keys of the one that was connected before",
            failure=FailureReason.TOKEN_REPLACED,
        )
    connection.fingerprint = fingerprint


def is_well(connection: Connection, module: Module) -> bool:
    """Whether a fresh session sees the sentinel and the sentinel works. Called inside the gate, after a vague error.

    SoftHSM2 answers CKR_GENERAL_ERROR to an RSA plaintext that is too long: a client who sends many of them must not
    have the module re-initialised under all the others.
    """
    current = connection.login
    if current is None or connection.doubt:
        return False
    try:
        session = current.token.open(rw=True)
    except PKCS11Error:
        return False
    try:
        handle: int = session.handle  # type: ignore[attr-defined]  # Cython's, not in the stubs
        with connection.lock.searching():
            found = sentinel.demand(module.functions, handle, connection.settings.name)
        compare(connection, *sentinel.fingerprint(session, found))
        return True
    except (PKCS11Error, CallFailed, TokenSick, StoreError):
        return False
    finally:
        close_quietly(session)


def worth_trying(connection: Connection) -> bool:
    """Whether another attempt may end otherwise: not while the PIN is the one that was refused."""
    return not connection.latch.blocks(connection.settings.pin())


def explain(store: str, error: BaseException) -> str:
    """One sentence: what is wrong and what to do. It never carries the text of an error we do not know."""
    prefix = f"key store {store!r}: "
    if isinstance(error, StoreError | TokenSick):
        text = str(error)
        return text if text.startswith("key store") else prefix + text
    if isinstance(error, GateClosed):
        return f"{prefix}{error}; restart this worker process"
    code = code_of(error)
    if code is not None:
        return f"{prefix}the token returned {name_of(code)} at login; see the token's own log"
    return f"{prefix}connecting failed with {type(error).__name__}"
