"""The table of return codes is total, and nothing of the data gets into a text."""

from __future__ import annotations

import inspect

import pkcs11.exceptions
import pytest
from pkcs11.exceptions import PKCS11Error

from kmipd.core.errors import MechanismUnavailable, StoreRefused, StoreUnavailable
from kmipd_pkcs11.codes import CKR
from kmipd_pkcs11.errors import (
    BY_EXCEPTION,
    CLEAN,
    TABLE,
    CallFailed,
    ErrorClass,
    Verb,
    classify,
    code_of,
    name_of,
    translate,
)


@pytest.mark.parametrize("code", CKR, ids=lambda code: code.name)
def test_every_code_has_a_class(code: CKR) -> None:
    assert isinstance(TABLE[code], ErrorClass)
    for verb in Verb:
        assert isinstance(classify(code, verb), ErrorClass)


def test_every_exception_of_python_pkcs11_has_a_code() -> None:
    classes = inspect.getmembers(pkcs11.exceptions, lambda one: inspect.isclass(one) and issubclass(one, PKCS11Error))
    assert len(classes) > 70
    for name, one in classes:
        if one is not PKCS11Error:
            assert name in BY_EXCEPTION, name
            assert code_of(one()) == BY_EXCEPTION[name]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Unmapped error code 0x68", CKR.KEY_FUNCTION_NOT_PERMITTED),
        ("Unmapped error code 0x80000001", 0x80000001),
        ("Initialisation error (not initialized). Should never see this.", CKR.CRYPTOKI_NOT_INITIALIZED),
        ("Buffer was too small. Should never see this.", CKR.BUFFER_TOO_SMALL),
        ("something quite new", CKR.GENERAL_ERROR),
    ],
)
def test_bare_errors_of_python_pkcs11(text: str, code: int) -> None:
    assert code_of(PKCS11Error(text)) == code


def test_other_exceptions_have_no_code() -> None:
    assert code_of(ValueError("x")) is None
    assert code_of(CallFailed("C_WrapKey", 0x30)) == CKR.DEVICE_ERROR


@pytest.mark.parametrize("code", [CKR.GENERAL_ERROR, CKR.FUNCTION_FAILED])
def test_a_general_error_is_the_callers_only_when_it_opens_something(code: CKR) -> None:
    assert classify(code, Verb.DECRYPT) is ErrorClass.CALLER
    assert classify(code, Verb.UNWRAP) is ErrorClass.CALLER
    assert classify(code, Verb.ENCRYPT) is ErrorClass.TOKEN
    assert classify(code, Verb.GENERATE) is ErrorClass.TOKEN


def test_a_full_token_is_not_a_sick_one() -> None:
    assert classify(CKR.DEVICE_MEMORY, Verb.GENERATE) is ErrorClass.BUSY
    assert classify(CKR.DEVICE_MEMORY, Verb.SIGN) is ErrorClass.TOKEN


def test_a_vendors_code_is_suspect_and_facts_overrule() -> None:
    assert classify(0x80000001, Verb.SIGN) is ErrorClass.TOKEN
    facts = {("sign", "CKR 0x80000001"): ErrorClass.BUSY, ("*", "CKR_DEVICE_ERROR"): ErrorClass.SESSION}
    assert classify(0x80000001, Verb.SIGN, facts) is ErrorClass.BUSY
    assert classify(0x80000001, Verb.WRAP, facts) is ErrorClass.TOKEN
    assert classify(CKR.DEVICE_ERROR, Verb.WRAP, facts) is ErrorClass.SESSION


def test_every_pin_code_is_latched() -> None:
    for code in CKR:
        if code.name.startswith("PIN_"):
            assert classify(code, Verb.LOGIN) is ErrorClass.PIN, code.name


def test_only_refusals_leave_a_session_clean() -> None:
    assert {TABLE[code] for code in CLEAN} <= {ErrorClass.CALLER, ErrorClass.MECHANISM}


@pytest.mark.parametrize(
    ("error_class", "port"),
    [
        (ErrorClass.CALLER, StoreRefused),
        (ErrorClass.MECHANISM, MechanismUnavailable),
        (ErrorClass.BUSY, StoreUnavailable),
        (ErrorClass.TOKEN, StoreUnavailable),
        (ErrorClass.SESSION, StoreUnavailable),
        (ErrorClass.HANDLE, StoreUnavailable),
        (ErrorClass.PIN, StoreUnavailable),
    ],
)
def test_translation_names_function_code_and_store(error_class: ErrorClass, port: type) -> None:
    error = translate(error_class, CKR.DEVICE_ERROR, Verb.SIGN, "vault")
    assert type(error) is port
    assert "sign" in str(error)
    assert "CKR_DEVICE_ERROR" in str(error)
    assert "vault" in str(error)


def test_names() -> None:
    assert name_of(0x30) == "CKR_DEVICE_ERROR"
    assert name_of(0x80001234) == "CKR 0x80001234"
