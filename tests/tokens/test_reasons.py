"""Every CKR_* has a reason with a remedy, and what really happens when connecting fails has the right one."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from kmipd.core.errors import StoreError, StoreUnavailable
from kmipd.core.failures import FailureReason as R
from kmipd_pkcs11.codes import CKR
from kmipd_pkcs11.errors import CallFailed, TokenSick
from kmipd_pkcs11.gate import GateClosed
from kmipd_pkcs11.reasons import REASONS, failure_of
from kmipd_pkcs11.store import PKCS11Store
from tests.tokens.conftest import Token
from tests.tokens.faults import Faults

Open = Callable[..., PKCS11Store]


def test_the_table_is_total() -> None:
    assert set(REASONS) == set(CKR)


@pytest.mark.parametrize("reason", list(R))
def test_every_reason_says_what_to_do(reason: R) -> None:
    assert re.search(r": |^the cause is not known", reason.remedy)
    assert reason.remedy[0].islower()
    assert not reason.remedy.endswith(".")


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (CKR.PIN_INCORRECT, R.INVALID_CREDENTIALS),
        (CKR.PIN_LOCKED, R.USER_LOCKED_OUT),
        (CKR.PIN_EXPIRED, R.PIN_EXPIRED),
        (CKR.USER_PIN_NOT_INITIALIZED, R.PIN_NOT_SET),
        (CKR.USER_ALREADY_LOGGED_IN, R.USER_LOGGED_IN),
        (CKR.TOKEN_NOT_PRESENT, R.TOKEN_NOT_FOUND),
        (CKR.TOKEN_WRITE_PROTECTED, R.TOKEN_WRITE_PROTECTED),
        (CKR.DEVICE_ERROR, R.DEVICE_ERROR),
        (CKR.DEVICE_REMOVED, R.DEVICE_ERROR),
        (CKR.DEVICE_MEMORY, R.OUT_OF_RESOURCES),
        (CKR.SESSION_COUNT, R.OUT_OF_RESOURCES),
        (CKR.MECHANISM_INVALID, R.TOKEN_UNFIT),
        (0x80000123, R.INTERNAL_ERROR),
    ],
)
def test_codes(code: int, reason: R) -> None:
    assert failure_of(CallFailed("C_Login", code)) is reason


def test_errors_of_ours() -> None:
    assert failure_of(TokenSick("x")) is R.TOKEN_SICK
    assert failure_of(GateClosed("x")) is R.TIMED_OUT
    assert failure_of(ValueError("x")) is R.INTERNAL_ERROR
    assert failure_of(StoreUnavailable("x", failure=R.TOKEN_NOT_FOUND)) is R.TOKEN_NOT_FOUND


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"module": "/nowhere/p11.so"}, R.MODULE_NOT_FOUND),
        ({"token_label": "another"}, R.TOKEN_NOT_FOUND),
        ({"pin": lambda: "not the PIN"}, R.INVALID_CREDENTIALS),
        ({"fingerprint": bytes(16)}, R.TOKEN_REPLACED),
    ],
)
def test_what_really_goes_wrong(token: Token, open_store: Open, settings: dict[str, Any], reason: R) -> None:
    open_store(token).close()
    store = open_store(token, prepare=False, **settings)
    with pytest.raises(StoreUnavailable):
        store.connect()
    assert store.health().failure is reason


def test_a_token_that_was_never_prepared_is_sick(token: Token, open_store: Open) -> None:
    store = open_store(token, prepare=False)
    with pytest.raises(StoreUnavailable, match="kmipd-sentinel"):
        store.connect()
    assert store.health().failure is R.TOKEN_SICK


def test_a_file_that_is_no_module(token: Token, open_store: Open) -> None:
    library = token.directory / "text.so"
    library.write_text("no ELF")
    store = open_store(token, prepare=False, module=library)
    with pytest.raises(StoreUnavailable):
        store.connect()
    assert store.health().failure is R.MODULE_NOT_LOADABLE


@pytest.mark.parametrize(
    ("function", "code", "reason"),
    [
        ("C_GenerateKey", CKR.TOKEN_WRITE_PROTECTED, R.TOKEN_WRITE_PROTECTED),
        ("C_GenerateKey", CKR.SESSION_READ_ONLY, R.TOKEN_WRITE_PROTECTED),
        ("C_GenerateKey", CKR.DEVICE_MEMORY, R.OUT_OF_RESOURCES),
        ("C_GenerateKey", CKR.MECHANISM_INVALID, R.TOKEN_UNFIT),
        ("C_GenerateKey", CKR.DEVICE_ERROR, R.DEVICE_ERROR),
        ("C_OpenSession", CKR.SESSION_COUNT, R.OUT_OF_RESOURCES),
    ],
)
def test_what_goes_wrong_after_the_login_has_its_reason_too(
    token: Token, faults: Faults, open_store: Open, function: str, code: CKR, reason: R
) -> None:
    """A token that can be logged in to is not yet one that the sentinel can be made in."""
    store = open_store(token, prepare=False, **faults.settings(token))
    faults.fail(function, code, skip=1 if function == "C_OpenSession" else 0)  # the keeper comes first
    with pytest.raises(StoreError) as caught:
        store.prepare()
    assert failure_of(caught.value) is reason


@pytest.mark.parametrize(
    ("code", "reason"), [(CKR.DEVICE_ERROR, R.DEVICE_ERROR), (CKR.TOKEN_NOT_PRESENT, R.TOKEN_NOT_FOUND)]
)
def test_a_token_in_a_slot_that_is_broken_is_not_taken_for_missing(
    token: Token, faults: Faults, open_store: Open, code: CKR, reason: R
) -> None:
    """SoftHSM2 has another slot, which is healthy and empty."""
    open_store(token).close()
    store = open_store(token, prepare=False, **faults.settings(token))
    faults.fail("C_GetTokenInfo", code, count=1)
    with pytest.raises(StoreUnavailable, match="'alpha'"):
        store.connect()
    assert store.health().failure is reason
