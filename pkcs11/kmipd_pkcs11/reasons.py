"""Why connecting failed: from each CKR_*, and from each error of ours, to an enumerated reason with its remedy.

The table is total over `CKR`; a test walks it. A code that only a vendor knows is INTERNAL_ERROR, with its number in
the text beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from kmipd.core.errors import MechanismUnavailable, StoreDishonest, StoreError
from kmipd.core.failures import FailureReason
from kmipd_pkcs11.codes import CKR
from kmipd_pkcs11.errors import TABLE, ErrorClass, TokenSick, code_of
from kmipd_pkcs11.gate import GateClosed

R = FailureReason

#: What the class of a code (see `errors`) says about a failed login, where the code itself says no more.
_BY_CLASS: Final[Mapping[ErrorClass, FailureReason]] = {
    ErrorClass.CALLER: R.INTERNAL_ERROR,  # we asked for something the token finds wrong
    ErrorClass.MECHANISM: R.TOKEN_UNFIT,
    ErrorClass.BUSY: R.OUT_OF_RESOURCES,
    ErrorClass.HANDLE: R.TOKEN_SICK,
    ErrorClass.SESSION: R.DEVICE_ERROR,
    ErrorClass.TOKEN: R.DEVICE_ERROR,
    ErrorClass.PIN: R.INVALID_CREDENTIALS,
}
_BY_CODE: Final[Mapping[CKR, FailureReason]] = {
    CKR.OK: R.INTERNAL_ERROR,
    CKR.PIN_LOCKED: R.USER_LOCKED_OUT,
    CKR.PIN_EXPIRED: R.PIN_EXPIRED,
    CKR.USER_PIN_NOT_INITIALIZED: R.PIN_NOT_SET,
    CKR.USER_ANOTHER_ALREADY_LOGGED_IN: R.USER_LOGGED_IN,
    CKR.USER_ALREADY_LOGGED_IN: R.USER_LOGGED_IN,
    CKR.SESSION_READ_WRITE_SO_EXISTS: R.USER_LOGGED_IN,
    CKR.USER_TOO_MANY_TYPES: R.USER_LOGGED_IN,
    CKR.TOKEN_NOT_PRESENT: R.TOKEN_NOT_FOUND,
    CKR.TOKEN_NOT_RECOGNIZED: R.TOKEN_NOT_FOUND,
    CKR.SLOT_ID_INVALID: R.TOKEN_NOT_FOUND,
    CKR.TOKEN_NOT_INITIALIZED: R.TOKEN_NOT_INITIALIZED,
    CKR.TOKEN_WRITE_PROTECTED: R.TOKEN_WRITE_PROTECTED,
    CKR.SESSION_READ_ONLY: R.TOKEN_WRITE_PROTECTED,
    CKR.SESSION_READ_ONLY_EXISTS: R.TOKEN_WRITE_PROTECTED,
    CKR.HOST_MEMORY: R.OUT_OF_RESOURCES,
    CKR.DEVICE_MEMORY: R.OUT_OF_RESOURCES,
    CKR.LIBRARY_LOAD_FAILED: R.MODULE_NOT_LOADABLE,
    CKR.CANT_LOCK: R.MODULE_NOT_LOADABLE,
    CKR.NEED_TO_CREATE_THREADS: R.MODULE_NOT_LOADABLE,
    CKR.CRYPTOKI_NOT_INITIALIZED: R.MODULE_NOT_LOADABLE,
    CKR.CRYPTOKI_ALREADY_INITIALIZED: R.MODULE_SETTINGS_CLASH,
    CKR.MUTEX_BAD: R.MODULE_NOT_LOADABLE,
    CKR.MUTEX_NOT_LOCKED: R.MODULE_NOT_LOADABLE,
    CKR.FIPS_SELF_TEST_FAILED: R.TOKEN_SICK,
    CKR.EXCEEDED_MAX_ITERATIONS: R.TOKEN_SICK,
    CKR.FUNCTION_NOT_SUPPORTED: R.TOKEN_UNFIT,
    CKR.VENDOR_DEFINED: R.INTERNAL_ERROR,
}
REASONS: Final[Mapping[CKR, FailureReason]] = {code: _BY_CODE.get(code, _BY_CLASS[TABLE[code]]) for code in CKR}


def failure_of_code(code: int) -> FailureReason:
    """The reason behind a return code at login."""
    try:
        return REASONS[CKR(code)]
    except ValueError:
        return R.INTERNAL_ERROR


def failure_of(error: BaseException) -> FailureReason:
    """The reason behind whatever connecting raised."""
    if isinstance(error, StoreError) and error.failure is not None:
        return error.failure
    if isinstance(error, TokenSick):
        return R.TOKEN_SICK
    if isinstance(error, GateClosed):
        return R.TIMED_OUT
    if isinstance(error, MechanismUnavailable | StoreDishonest):
        return R.TOKEN_UNFIT
    code = code_of(error)
    return R.INTERNAL_ERROR if code is None else failure_of_code(code)
