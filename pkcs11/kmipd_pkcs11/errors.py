"""Every CKR_* and what it means to us: whose fault it is, what became of the session, whether trying again can help.

Two libraries report failures: python-pkcs11 raises an exception class without the return code (and puts the codes it
does not know into the text), our own calls raise `CallFailed` with it. `code_of` brings both to a number, `TABLE` says
what the number means, `RULES` says where the function that was called changes the meaning, and a provider's file of
facts may overrule both. `translate` makes the error of the port; it names functions and codes, never data.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum
from typing import Final

from pkcs11.exceptions import PKCS11Error

from kmipd.core.errors import MechanismUnavailable, StoreError, StoreRefused, StoreUnavailable
from kmipd_pkcs11.codes import CKR


class ErrorClass(Enum):
    """What to do about a return code."""

    CALLER = "caller"  # the input is at fault: StoreRefused, no retry
    MECHANISM = "mechanism"  # the token cannot do this with this key: MechanismUnavailable, no retry
    BUSY = "busy"  # a resource is used up: StoreUnavailable, no recovery would help
    HANDLE = "handle"  # the object handle is void: find it again, retry once
    SESSION = "session"  # the session or the login is lost: log in again, retry once
    TOKEN = "token"  # the token or the module is sick: re-initialise, retry once
    PIN = "pin"  # never try this PIN again by ourselves: real tokens erase themselves


class Verb(Enum):
    """What was being asked, as far as it changes the meaning of a code."""

    ENCRYPT = "encrypt"
    DECRYPT = "decrypt"
    UNWRAP = "unwrap"
    SIGN = "sign"
    WRAP = "wrap"
    RANDOM = "random"
    FIND = "find"
    GENERATE = "generate"
    DESTROY = "destroy"
    LOGIN = "login"


CHANGES: Final = frozenset({Verb.GENERATE, Verb.DESTROY})

_BY_CLASS: Final[Mapping[ErrorClass, str]] = {
    ErrorClass.CALLER: """
        CANCEL NO_EVENT ARGUMENTS_BAD ATTRIBUTE_READ_ONLY ATTRIBUTE_SENSITIVE ATTRIBUTE_TYPE_INVALID
        ATTRIBUTE_VALUE_INVALID ACTION_PROHIBITED DATA_INVALID DATA_LEN_RANGE ENCRYPTED_DATA_INVALID
        ENCRYPTED_DATA_LEN_RANGE AEAD_DECRYPT_FAILED FUNCTION_CANCELED FUNCTION_REJECTED KEY_NOT_NEEDED KEY_CHANGED
        KEY_NEEDED KEY_INDIGESTIBLE KEY_FUNCTION_NOT_PERMITTED KEY_NOT_WRAPPABLE KEY_UNEXTRACTABLE SIGNATURE_INVALID
        SIGNATURE_LEN_RANGE TEMPLATE_INCOMPLETE TEMPLATE_INCONSISTENT WRAPPED_KEY_INVALID WRAPPED_KEY_LEN_RANGE
        SAVED_STATE_INVALID INFORMATION_SENSITIVE STATE_UNSAVEABLE PUBLIC_KEY_INVALID KEY_EXHAUSTED
        OPERATION_NOT_VALIDATED""",
    ErrorClass.MECHANISM: """
        FUNCTION_NOT_SUPPORTED FUNCTION_NOT_PARALLEL KEY_SIZE_RANGE KEY_TYPE_INCONSISTENT MECHANISM_INVALID
        MECHANISM_PARAM_INVALID UNWRAPPING_KEY_SIZE_RANGE UNWRAPPING_KEY_TYPE_INCONSISTENT WRAPPING_KEY_SIZE_RANGE
        WRAPPING_KEY_TYPE_INCONSISTENT RANDOM_SEED_NOT_SUPPORTED RANDOM_NO_RNG SEED_RANDOM_REQUIRED
        DOMAIN_PARAMS_INVALID CURVE_NOT_SUPPORTED BUFFER_TOO_SMALL PARAMETER_SET_NOT_SUPPORTED
        SESSION_ASYNC_NOT_SUPPORTED SESSION_PARALLEL_NOT_SUPPORTED""",
    ErrorClass.BUSY: """
        SESSION_COUNT TOKEN_RESOURCE_EXCEEDED TOKEN_WRITE_PROTECTED SESSION_READ_ONLY SESSION_READ_ONLY_EXISTS
        PENDING""",
    ErrorClass.HANDLE: """
        KEY_HANDLE_INVALID OBJECT_HANDLE_INVALID UNWRAPPING_KEY_HANDLE_INVALID WRAPPING_KEY_HANDLE_INVALID""",
    ErrorClass.SESSION: """
        OPERATION_ACTIVE OPERATION_NOT_INITIALIZED OPERATION_CANCEL_FAILED SESSION_CLOSED SESSION_HANDLE_INVALID
        SESSION_EXISTS SESSION_READ_WRITE_SO_EXISTS USER_NOT_LOGGED_IN USER_ALREADY_LOGGED_IN""",
    ErrorClass.TOKEN: """
        OK HOST_MEMORY SLOT_ID_INVALID GENERAL_ERROR FUNCTION_FAILED NEED_TO_CREATE_THREADS CANT_LOCK DEVICE_ERROR
        DEVICE_MEMORY DEVICE_REMOVED TOKEN_NOT_PRESENT TOKEN_NOT_RECOGNIZED TOKEN_NOT_INITIALIZED
        CRYPTOKI_NOT_INITIALIZED CRYPTOKI_ALREADY_INITIALIZED MUTEX_BAD MUTEX_NOT_LOCKED EXCEEDED_MAX_ITERATIONS
        FIPS_SELF_TEST_FAILED LIBRARY_LOAD_FAILED VENDOR_DEFINED""",
    ErrorClass.PIN: """
        PIN_INCORRECT PIN_INVALID PIN_LEN_RANGE PIN_EXPIRED PIN_LOCKED PIN_TOO_WEAK NEW_PIN_MODE NEXT_OTP
        USER_PIN_NOT_INITIALIZED USER_TYPE_INVALID USER_ANOTHER_ALREADY_LOGGED_IN USER_TOO_MANY_TYPES""",
}

TABLE: Final[Mapping[CKR, ErrorClass]] = {
    CKR[name]: error_class for error_class, names in _BY_CLASS.items() for name in names.split()
}

#: SoftHSM answers GENERAL_ERROR, nShield FUNCTION_FAILED, to a bad tag or a corrupt wrap: that is the caller's input.
#: A full token is no sick token, and a re-initialisation does not empty it.
RULES: Final[Mapping[tuple[Verb, CKR], ErrorClass]] = {
    (Verb.DECRYPT, CKR.GENERAL_ERROR): ErrorClass.CALLER,
    (Verb.DECRYPT, CKR.FUNCTION_FAILED): ErrorClass.CALLER,
    (Verb.UNWRAP, CKR.GENERAL_ERROR): ErrorClass.CALLER,
    (Verb.UNWRAP, CKR.FUNCTION_FAILED): ErrorClass.CALLER,
    (Verb.GENERATE, CKR.DEVICE_MEMORY): ErrorClass.BUSY,
}

_CLEAN = """
        DATA_INVALID DATA_LEN_RANGE ENCRYPTED_DATA_INVALID ENCRYPTED_DATA_LEN_RANGE KEY_FUNCTION_NOT_PERMITTED
        KEY_SIZE_RANGE KEY_TYPE_INCONSISTENT KEY_UNEXTRACTABLE KEY_NOT_WRAPPABLE TEMPLATE_INCOMPLETE
        TEMPLATE_INCONSISTENT ATTRIBUTE_TYPE_INVALID ATTRIBUTE_VALUE_INVALID"""
#: After these codes the standard ends the operation, and tokens do: the session may serve again. Not after one about
#: the mechanism: that is C_EncryptInit's to refuse, and a token that says so later may still be at it.
CLEAN: Final = frozenset(CKR[name] for name in _CLEAN.split())


#: These say nothing about where the fault lies: the token is asked something simple before it is taken for sick.
VAGUE: Final = frozenset(
    {
        CKR.GENERAL_ERROR,
        CKR.FUNCTION_FAILED,
        CKR.OPERATION_ACTIVE,
        CKR.OPERATION_NOT_INITIALIZED,
        CKR.OPERATION_CANCEL_FAILED,
    }
)


class CallFailed(Exception):
    """One of our own calls returned something else than CKR_OK."""

    def __init__(self, function: str, code: int) -> None:
        super().__init__(f"{function} returned {name_of(code)}")
        self.function = function
        self.code = code


class TokenSick(Exception):
    """The token answers politely and wrongly: it lists no sentinel, or the store behind it has changed."""

    doubted = False  # whether nothing is wrong yet, and a new view of the token is wanted to be sure


class ViewDoubted(TokenSick):
    """A key is not found that another process may have made: only a new view of the token can tell."""

    doubted = True


#: python-pkcs11's exceptions whose names are not the code's name in another spelling.
_ODD_NAMES: Final[Mapping[str, CKR]] = {
    "AnotherUserAlreadyLoggedIn": CKR.USER_ANOTHER_ALREADY_LOGGED_IN,
    "FunctionCancelled": CKR.FUNCTION_CANCELED,
    "TokenNotRecognised": CKR.TOKEN_NOT_RECOGNIZED,
    "RandomNoRNG": CKR.RANDOM_NO_RNG,
    "SessionReadWriteSOExists": CKR.SESSION_READ_WRITE_SO_EXISTS,
    "SlotIDInvalid": CKR.SLOT_ID_INVALID,
    "NoSuchToken": CKR.TOKEN_NOT_PRESENT,
    "MultipleTokensReturned": CKR.TOKEN_NOT_RECOGNIZED,
    "NoSuchKey": CKR.OBJECT_HANDLE_INVALID,
    "MultipleObjectsReturned": CKR.OBJECT_HANDLE_INVALID,
}

#: What python-pkcs11 says in a bare PKCS11Error, by a phrase of it.
_PHRASES: Final[Mapping[str, CKR]] = {
    "Buffer was too small": CKR.BUFFER_TOO_SMALL,
    "(already initialized)": CKR.CRYPTOKI_ALREADY_INITIALIZED,
    "(not initialized)": CKR.CRYPTOKI_NOT_INITIALIZED,
    "Parallel not supported": CKR.SESSION_PARALLEL_NOT_SUPPORTED,
    "User type invalid": CKR.USER_TYPE_INVALID,
    "Failed to cancel operation": CKR.OPERATION_CANCEL_FAILED,
    "while loading": CKR.LIBRARY_LOAD_FAILED,
}


def _by_exception_name() -> Mapping[str, CKR]:
    """The name of a python-pkcs11 exception -> its code: DataLenRange is CKR_DATA_LEN_RANGE."""
    plain = {"".join(part.capitalize() for part in code.name.split("_")): code for code in CKR}
    return {**plain, **_ODD_NAMES}


BY_EXCEPTION: Final = _by_exception_name()


def name_of(code: int) -> str:
    """CKR_DEVICE_ERROR, or the number when the standard knows no name for it."""
    try:
        return f"CKR_{CKR(code).name}"
    except ValueError:
        return f"CKR 0x{code:08x}"


def code_of(error: BaseException) -> int | None:
    """The return code behind an exception, None if it is none of PKCS#11's."""
    if isinstance(error, CallFailed):
        return error.code
    if not isinstance(error, PKCS11Error):
        return None
    if type(error) is not PKCS11Error:
        return BY_EXCEPTION.get(type(error).__name__, CKR.GENERAL_ERROR)
    text = str(error)
    if number := re.search(r"0x[0-9a-fA-F]+", text):
        return int(number[0], 16)
    return next((code for phrase, code in _PHRASES.items() if phrase in text), CKR.GENERAL_ERROR)


Overrules = Mapping[tuple[str, str], ErrorClass]  # (verb or "*", CKR_ name or 0x number) -> class


def classify(code: int, verb: Verb, overrules: Overrules | None = None) -> ErrorClass:
    """What to do about `code` from `verb`. A code nobody knows is the vendor's: the token is suspect."""
    if overrules:
        for key in ((verb.value, name_of(code)), ("*", name_of(code))):
            if key in overrules:
                return overrules[key]
    try:
        known = CKR(code)
    except ValueError:
        return ErrorClass.TOKEN
    return RULES.get((verb, known)) or TABLE[known]


def refusal_by_a_healthy_token(code: int, verb: Verb, store: str) -> StoreRefused:
    """A vague error, twice, from a token that is well otherwise."""
    what = f"{verb.value} on key store {store!r}: the token returned {name_of(code)} and is well otherwise"
    return StoreRefused(f"{what}; it is the input or the key", store=store)


def translate(error_class: ErrorClass, code: int, verb: Verb, store: str) -> StoreError:
    """The error of the port for a code that is not retried any more."""
    what = f"{verb.value} on key store {store!r}: the token returned {name_of(code)}"
    if error_class is ErrorClass.CALLER:
        return StoreRefused(f"{what}; the input or the key does not permit this", store=store)
    if error_class is ErrorClass.MECHANISM:
        return MechanismUnavailable(f"{what}; it cannot do this with this key", store=store)
    if error_class is ErrorClass.BUSY:
        return StoreUnavailable(f"{what}; free space or sessions on the token, or raise its limits", store=store)
    return StoreUnavailable(f"{what}; the key store recovers by itself when the token does", store=store)
