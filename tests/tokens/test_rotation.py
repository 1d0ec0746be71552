"""Rotating a PIN: what is remembered when, what refusals and lost replies leave behind, how often a PIN is tried."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from pkcs11.constants import TokenFlag

from kmipd.core.errors import StoreUnavailable
from kmipd.core.failures import FailureReason
from kmipd_pkcs11 import login, rotation
from kmipd_pkcs11.codes import CKR
from kmipd_pkcs11.login import PinRefused
from kmipd_pkcs11.module import close_module, open_module
from kmipd_pkcs11.raw import CKU_USER, Functions
from kmipd_pkcs11.rotation import Candidates, Which
from kmipd_pkcs11.store import PKCS11Store
from tests.tokens.conftest import PIN, Token

Open = Callable[..., PKCS11Store]


@dataclass
class Vault:
    """A vault that remembers what it was told, in which order."""

    held: Candidates
    said: list[str] = field(default_factory=list)

    def candidates(self) -> Candidates:
        return self.held

    def remember(self, pin: str) -> None:
        self.said.append("remember")
        self.held = replace(self.held, pending=pin)

    def trying(self, which: Which) -> None:
        self.said.append(f"try {which}")
        self.held = replace(self.held, tried=which)

    def settle(self, which: Which) -> None:
        self.said.append(f"settle {which}")
        self.held = Candidates(self.held.pending if which == "pending" else self.held.current)


@pytest.fixture
def logins(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every PIN that the token was asked about."""
    asked: list[str] = []
    real = Functions.login

    def counted(self: Functions, session: int, user: int, pin: str) -> int:
        asked.append(pin)
        return real(self, session, user, pin)

    monkeypatch.setattr(Functions, "login", counted)
    return asked


def test_the_new_pin_counts_and_the_old_one_does_not(token: Token, open_store: Open) -> None:
    vault = Vault(Candidates(PIN))
    rotation.rotate(token.settings(), vault)
    assert vault.said == ["remember", "settle pending"]
    new = vault.held.current
    assert len(new) == rotation.PIN_LENGTH
    assert new.isalnum()
    store = open_store(token, pin=lambda: new)
    store.check()
    store.close()  # the login is the process's
    with pytest.raises(StoreUnavailable):
        open_store(token, prepare=False).connect()
    assert new not in repr(vault.held)


@pytest.mark.parametrize(("tried", "asked"), [("", 2), ("current", 1), ("pending", 2)])
@pytest.mark.parametrize("reached", [True, False], ids=["token changed", "token not changed"])
def test_after_a_crash_the_token_is_asked(
    token: Token, logins: list[str], tried: str, asked: int, reached: bool
) -> None:
    """The order depends on what was tried first last time; the right one always ends the search."""
    vault = Vault(Candidates(PIN))
    if reached:
        rotation.rotate(token.settings(), vault)
        right, vault = "pending", Vault(Candidates(PIN, vault.held.current, tried))
    else:
        right, vault = "current", Vault(Candidates(PIN, "never-reached-the-token", tried))
    logins.clear()
    settings = token.settings()
    found = rotation.find_out(settings, vault)
    first = "pending" if tried == "current" else "current"
    assert vault.said == [f"try {first}", f"settle {right}"]
    assert len(logins) == (1 if first == right else 2)
    assert found == vault.held.current
    assert not settings.lock_file.with_name("lock.pin-refused").exists(), "a success forgets the refusal"  # type: ignore[union-attr]


def test_two_wrong_ones_are_tried_once_each_and_latched(token: Token, logins: list[str]) -> None:
    vault = Vault(Candidates("wrong-one", "wrong-two"))
    for _ in range(3):
        with pytest.raises(PinRefused) as caught:
            rotation.find_out(token.settings(), vault)
        assert caught.value.failure is FailureReason.INVALID_CREDENTIALS
    assert logins == ["wrong-one", "wrong-two"]
    assert "wrong" not in str(caught.value)


@pytest.mark.parametrize(
    ("code", "left"), [(CKR.FUNCTION_NOT_SUPPORTED, ""), (CKR.PIN_LEN_RANGE, ""), (CKR.DEVICE_ERROR, "pending")]
)
def test_a_token_that_refuses_keeps_its_pin_and_one_that_fails_is_asked_later(
    token: Token, monkeypatch: pytest.MonkeyPatch, code: CKR, left: str
) -> None:
    monkeypatch.setattr(Functions, "set_pin", lambda *_: int(code))
    vault = Vault(Candidates(PIN))
    with pytest.raises(StoreUnavailable, match=f"CKR_{code.name}"):
        rotation.rotate(token.settings(), vault)
    assert bool(vault.held.pending) == bool(left)
    monkeypatch.undo()
    assert rotation.find_out(token.settings(), vault) == PIN


def test_a_lost_reply_is_found_out(token: Token, monkeypatch: pytest.MonkeyPatch) -> None:
    """The token has changed its PIN and says that it failed."""
    set_pin = Functions.set_pin

    def lost(self: Functions, *arguments: object) -> int:
        assert set_pin(self, *arguments) == CKR.OK  # type: ignore[arg-type]
        return CKR.DEVICE_ERROR

    monkeypatch.setattr(Functions, "set_pin", lost)
    vault = Vault(Candidates(PIN))
    with pytest.raises(StoreUnavailable):
        rotation.rotate(token.settings(), vault)
    pending = vault.held.pending
    assert rotation.find_out(token.settings(), vault) == pending != PIN


@pytest.mark.parametrize("begun", [True, False], ids=["in use", "not initialised"])
def test_a_module_that_somebody_elses_call_hangs_in_is_told(token: Token, begun: bool) -> None:
    settings, vault = token.settings(drain=0.05, session_wait=0.05), Vault(Candidates(PIN))
    module = open_module(settings.module, settings.environment)
    with module.gate.exclusive(1):
        if begun:
            module.initialize()
        with pytest.raises(StoreUnavailable, match="cannot be asked") as caught:
            rotation.rotate(settings, vault)
    assert caught.value.failure is FailureReason.TIMED_OUT
    assert module.users == 1
    close_module(module, 1)
    assert rotation.find_out(token.settings(), vault) == PIN


def test_the_last_try_is_left_to_the_operator(token: Token, logins: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    find_token = rotation.find_token

    class NearlyLocked:
        def __init__(self, real: Any) -> None:
            self.open, self.flags = real.open, real.flags | TokenFlag.USER_PIN_FINAL_TRY

    monkeypatch.setattr(rotation, "find_token", lambda *arguments: NearlyLocked(find_token(*arguments)))
    for change in (rotation.find_out, rotation.rotate):
        with pytest.raises(PinRefused, match="one more try") as caught:
            change(token.settings(), Vault(Candidates(PIN, "another")))
        assert caught.value.failure is FailureReason.USER_LOCKED_OUT
    assert logins == []


def test_a_token_that_is_locked_is_not_asked_about_the_other_candidate(
    token: Token, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def locked(_: Functions, __: int, ___: int, pin: str) -> int:
        asked.append(pin)
        return CKR.PIN_LOCKED

    monkeypatch.setattr(Functions, "login", locked)
    with pytest.raises(PinRefused) as caught:
        rotation.find_out(token.settings(), Vault(Candidates("one", "two")))
    assert caught.value.failure is FailureReason.USER_LOCKED_OUT
    assert asked == ["one"]


def test_no_login_is_left_in_a_module_that_others_use(token: Token) -> None:
    """It would let in whoever comes next, with whatever PIN."""
    settings = token.settings()
    module = open_module(settings.module, settings.environment)
    with module.gate.exclusive(1):
        module.initialize()
    session = login.find_token(module, settings).open(rw=True)  # as long as one is open, so is a login
    rotation.rotate(settings, Vault(Candidates(PIN)))
    handle: int = session.handle  # type: ignore[attr-defined]
    assert module.functions.login(handle, CKU_USER, "not the PIN") == CKR.PIN_INCORRECT
    session.close()
    close_module(module, 1)
