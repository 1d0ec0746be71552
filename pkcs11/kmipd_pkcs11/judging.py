"""What an error in a call means: what becomes of the session, and whether another attempt may end well."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from kmipd.core.errors import StoreError, StoreUnavailable
from kmipd.core.failures import FailureReason
from kmipd_pkcs11 import login
from kmipd_pkcs11.errors import (
    CHANGES,
    CLEAN,
    VAGUE,
    ErrorClass,
    TokenSick,
    Verb,
    classify,
    code_of,
    refusal_by_a_healthy_token,
    translate,
)
from kmipd_pkcs11.openssl import forget_errors
from kmipd_pkcs11.reasons import failure_of_code
from kmipd_pkcs11.states import Failure

if TYPE_CHECKING:
    from kmipd_pkcs11.connection import Connection
    from kmipd_pkcs11.module import Module
    from kmipd_pkcs11.sessions import PooledSession

CLEAN_CODES: Final = frozenset(int(code) for code in CLEAN)


def judge(
    connection: Connection, session: PooledSession | None, verb: Verb, error: Exception, module: Module
) -> Failure:
    """What becomes of the session, and whether the error is final (raised here) or may be got over."""
    store = connection.settings.name
    code = code_of(error)
    forget_errors()
    if session is not None:
        if isinstance(error, StoreError) or code in CLEAN_CODES:
            connection.pool.give_back(session)
        else:
            connection.pool.discard(session)
    if isinstance(error, TokenSick):
        sick = StoreUnavailable(str(error), store=store, failure=FailureReason.TOKEN_SICK)
        return Failure(ErrorClass.TOKEN, sick, connection.epoch, doubted=error.doubted)
    if code is None:
        raise error
    error_class = classify(code, verb, connection.facts.overrules)
    answer = translate(error_class, code, verb, store)
    answer.failure = failure_of_code(code)
    if error_class in (ErrorClass.CALLER, ErrorClass.MECHANISM, ErrorClass.BUSY):
        raise answer from None
    if session is not None and session.touched is not None:
        connection.handles.drop(session.touched)
    local = code in VAGUE and verb not in CHANGES and login.is_well(connection, module)
    if local and error_class is ErrorClass.TOKEN:
        answer = refusal_by_a_healthy_token(code, verb, store)
    return Failure(error_class, answer, connection.epoch, local)
