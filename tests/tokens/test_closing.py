"""A store that is closed while it connects, or while a call hangs, keeps no login and no hold on its module."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from typing import Any

import pytest

from kmipd.core.errors import StoreUnavailable
from kmipd.core.ports import KeyTemplate
from kmipd.spec.enumerations import CryptographicAlgorithm
from kmipd_pkcs11.module import Module, close_module, open_module
from kmipd_pkcs11.store import PKCS11Store
from tests.tokens.conftest import PIN, Token
from tests.tokens.faults import Faults, eventually

AES = KeyTemplate(algorithm=CryptographicAlgorithm.AES, length=256)
Open = Callable[..., PKCS11Store]


def nobody_uses(module: Module) -> bool:
    return module.users == 0 and module.generation == 0


@pytest.fixture
def module(token: Token, faults: Faults, open_store: Open) -> Module:
    """Of a token that is prepared, with nobody in it."""
    open_store(token).close()
    found = open_module(faults.module, token.softhsm.environment)
    close_module(found, 1)
    return found


def sessions(faults: Faults) -> int:
    """How many are open, as long as nothing is finalised."""
    return faults.calls("C_OpenSession") - faults.calls("C_CloseSession")


def in_background(call: Callable[[], object]) -> threading.Thread:
    def run() -> None:
        with pytest.raises(StoreUnavailable):
            call()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


@pytest.mark.parametrize("before", [False, True], ids=["first login", "later login"])
def test_while_its_pin_is_read(token: Token, faults: Faults, module: Module, open_store: Open, before: bool) -> None:
    asked, may = threading.Event(), threading.Event()
    may.set()

    def pin() -> str:
        asked.set()
        may.wait(10)
        return PIN

    store = open_store(token, prepare=False, **faults.settings(token, pin=pin))
    if before:
        store.connect()
        store._connection._suspect("a test", False, store.health().epoch)
        asked.clear()
    may.clear()
    connecting = in_background(store.connect)
    assert asked.wait(10)
    store.close()
    may.set()
    connecting.join()
    assert faults.calls("C_Login") == before
    assert sessions(faults) == 0
    assert nobody_uses(module)


def test_while_its_login_hangs(token: Token, faults: Faults, module: Module, open_store: Open) -> None:
    store = open_store(token, prepare=False, **faults.settings(token, drain=0.2))
    faults.hang("C_Login", count=1)
    connecting = in_background(store.connect)
    assert eventually(lambda: faults.fired() == 1)
    store.close()
    assert not nobody_uses(module), "it hangs"
    faults.clear()
    connecting.join()
    assert sessions(faults) == 0
    assert nobody_uses(module)
    again = open_store(token, prepare=False, **faults.settings(token))
    again.check()


def test_while_a_call_hangs(token: Token, faults: Faults, module: Module, open_store: Open) -> None:
    store = open_store(token, prepare=False, **faults.settings(token, drain=0.2))
    key = store.generate_key(secrets.token_bytes(16), AES)
    faults.hang("C_GenerateKey", count=1)
    answers: list[Any] = []

    def make() -> None:
        answers.append(store.generate_key(secrets.token_bytes(16), AES))

    making = threading.Thread(target=make)
    making.start()
    assert eventually(lambda: faults.fired() == 1)
    store.close()
    assert not nobody_uses(module), "it hangs"
    faults.clear()
    making.join()
    assert len(answers) == 1, "what came back was done"
    assert sessions(faults) == 0
    assert nobody_uses(module)
    assert open_store(token, prepare=False, **faults.settings(token)).exists(key.cka_id)
