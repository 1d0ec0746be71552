"""Tokens that go away come back without a restart, and nothing is claimed that was not seen."""

from __future__ import annotations

import secrets
import threading
import time
from typing import Any

import pytest

from kmipd.core.errors import (
    StoreError,
    StoreUnavailable,
    TokenKeyMissing,
)
from kmipd.core.failures import FailureReason
from kmipd.core.ports import CipherParameters, KeyTemplate
from kmipd.spec.enumerations import BlockCipherMode as Mode
from kmipd.spec.enumerations import CryptographicAlgorithm as Algorithm
from kmipd.spec.masks import CryptographicUsageMask as Usage
from kmipd_pkcs11.codes import CKR
from kmipd_pkcs11.store import PKCS11Store
from tests.tokens.faults import Faults, eventually

AES = KeyTemplate(algorithm=Algorithm.AES, length=256, usage=Usage.ENCRYPT | Usage.DECRYPT, label="test")
ECB = CipherParameters(algorithm=Algorithm.AES, block_cipher_mode=Mode.ECB)
PIN = "correct-horse-1234"


def new_id() -> bytes:
    return secrets.token_bytes(16)


def raw(store: PKCS11Store, name: str, *arguments: Any) -> None:
    """One C_* call behind the store's back."""
    store._connection.functions.code(name, *arguments)


class TestLostLogin:
    def test_all_sessions_closed(self, store: PKCS11Store) -> None:
        key = store.generate_key(new_id(), AES)
        material, epoch = store.release(key), store.health().epoch
        for _ in range(3):
            login = store._connection.login
            assert login is not None
            raw(store, "C_CloseAllSessions", login.token.slot.slot_id)
            assert store.release(key) == material
        assert store.health().epoch > epoch
        assert store.health().up

    def test_logged_out(self, store: PKCS11Store) -> None:
        key = store.generate_key(new_id(), AES)
        material = store.release(key)
        login = store._connection.login
        assert login is not None
        raw(store, "C_Logout", login.keeper.handle)  # type: ignore[attr-defined]
        assert store.release(key) == material
        raw(store, "C_Logout", store._connection.login.keeper.handle)  # type: ignore[union-attr]
        created = store.generate_key(new_id(), AES)
        assert store.exists(created.cka_id)

    def test_handles_of_an_old_login_are_void(self, store: PKCS11Store) -> None:
        key = store.generate_key(new_id(), AES)
        store.release(key)
        connection = store._connection
        epoch = connection.epoch
        assert connection.handles.get(key.cka_id, 4, epoch) is not None
        connection._suspect("a test", True, epoch)
        store.check()
        assert connection.epoch > epoch
        assert connection.handles.get(key.cka_id, 4, connection.epoch) is None
        assert store.release(key)

    def test_re_initialising_under_load(self, store: PKCS11Store) -> None:
        key = store.generate_key(new_id(), AES)
        material = store.release(key)
        stop, errors, done = threading.Event(), [], [0] * 6

        def work(number: int) -> None:
            while not stop.is_set():
                try:
                    assert store.release(key) == material
                    done[number] += 1
                except Exception as error:
                    errors.append(error)

        threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
        for one in threads:
            one.start()
        for _ in range(10):
            time.sleep(0.05)
            epoch = store.health().epoch
            store._connection._suspect("a test", True, epoch)
            end = time.monotonic() + 10
            while store.health().epoch == epoch and time.monotonic() < end:  # a busy machine takes its time
                time.sleep(0.005)
        stop.set()
        for one in threads:
            one.join()
        assert errors == []
        assert min(done) > 0
        assert store.health().epoch >= 8


class TestSickStore:
    def test_the_directory_moves_away_and_back(self, token: Any, store: PKCS11Store) -> None:
        key = store.generate_key(new_id(), AES)
        material = store.release(key)
        tokens = token.directory / "tokens"
        away = tokens.rename(token.directory / "away")
        for _ in range(3):  # never "missing", never "destroyed"
            for call in (
                lambda: store.exists(new_id()),
                lambda: store.destroy(new_id()),
                lambda: store.generate_key(new_id(), AES),
            ):
                with pytest.raises(StoreUnavailable):
                    call()
        assert not store.health().up
        assert "kmipd" in store.health().reason or "token" in store.health().reason
        refused = store._connection.report.refused
        with pytest.raises(StoreUnavailable):
            store.release(key)
        assert store._connection.report.refused == refused + 1, "at once: the token was not asked"
        away.rename(tokens)
        assert eventually(lambda: store.health().up)  # by itself, without a request
        assert store.release(key) == material
        assert store.exists(key.cka_id)

    def test_out_of_file_descriptors(self, token: Any) -> None:
        from tests.tokens.test_module import run

        script = """
            import os, resource, secrets, sys, time
            from pathlib import Path
            from kmipd.core.errors import StoreUnavailable
            from kmipd.core.ports import KeyTemplate
            from kmipd.spec.enumerations import CryptographicAlgorithm
            from kmipd_pkcs11.settings import StoreSettings
            from kmipd_pkcs11.store import PKCS11Store
            module, configuration, label, pin = sys.argv[1:]
            store = PKCS11Store(StoreSettings(name="a", module=Path(module), token_label=label, pin=lambda: pin,
                backoff_first=0.1, backoff_max=0.2, environment={"SOFTHSM2_CONF": configuration}))
            store.prepare()
            key = store.generate_key(secrets.token_bytes(16),
                                     KeyTemplate(algorithm=CryptographicAlgorithm.AES, length=256))
            material = store.release(key)
            soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
            resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
            refused = 0
            for call in (lambda: store.exists(key.cka_id), lambda: store.destroy(key.cka_id),
                         lambda: store.exists(secrets.token_bytes(16)), lambda: store.inventory()) * 3:
                try:
                    print("answered", call())
                except StoreUnavailable:
                    refused += 1
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
            until = time.monotonic() + 5
            while not store.health().up and time.monotonic() < until:
                time.sleep(0.01)
            print(refused, store.health().up, store.exists(key.cka_id), store.release(key) == material)
            store.close()
        """
        softhsm = token.softhsm
        done = run(script, str(softhsm.module), softhsm.environment["SOFTHSM2_CONF"], softhsm.token_label, PIN)
        assert done.returncode == 0, done.stderr
        assert "down: key store 'a'" in done.stderr
        assert "well again" in done.stderr.splitlines()[-1], "nothing but the log's own lines"
        assert done.stdout.splitlines()[-1] == "12 True True True", done.stdout
        assert "answered" not in done.stdout

    def test_another_token_of_the_same_label_is_not_used(self, token: Any, store: PKCS11Store, make_token: Any) -> None:
        key = store.generate_key(new_id(), AES)
        other = make_token()
        tokens = token.directory / "tokens"
        own = tokens.rename(token.directory / "own")
        (other.directory / "tokens").rename(tokens)
        with pytest.raises(StoreUnavailable):
            store.exists(new_id())
        assert not store.health().up
        tokens.rename(other.directory / "tokens")
        own.rename(tokens)
        assert eventually(lambda: store.health().up)
        assert store.release(key)


class TestPin:
    def test_a_wrong_pin_is_tried_once(self, token: Any, store: PKCS11Store, faults: Faults, open_store: Any) -> None:
        pin = ["wrong-pin-9999"]
        store.close()  # its login would serve the whole process
        sick = open_store(token, prepare=False, pin=lambda: pin[0], **faults.settings(token))
        for _ in range(3):
            with pytest.raises(StoreUnavailable, match="PIN") as caught:
                sick.random(8)
            assert "wrong-pin" not in str(caught.value)
        initialised = faults.calls("C_Initialize")
        time.sleep(0.8)  # several rounds of the healer
        assert faults.calls("C_Login") == 1
        assert faults.calls("C_Initialize") == initialised, "other stores of this module are left alone too"
        again = open_store(token, prepare=False, pin=lambda: pin[0], **faults.settings(token))
        with pytest.raises(StoreUnavailable, match="refused earlier"):  # another worker process, or a restart
            again.random(8)
        assert faults.calls("C_Login") == 1
        again.close()
        pin[0] = PIN
        assert eventually(lambda: sick.health().up)
        assert sick.random(8)
        assert faults.calls("C_Login") == 2
        assert not sick._connection.latch.blocks("wrong-pin-9999")

    @pytest.mark.parametrize("code", [CKR.PIN_LOCKED, CKR.PIN_EXPIRED])
    def test_other_refusals_are_latched_too(
        self, token: Any, store: PKCS11Store, faults: Faults, open_store: Any, code: CKR
    ) -> None:
        store.close()
        faults.fail("C_Login", code)
        sick = open_store(token, prepare=False, **faults.settings(token))
        with pytest.raises(StoreUnavailable, match=code.name):
            sick.connect()
        time.sleep(0.3)
        assert faults.calls("C_Login") == 1
        faults.clear()
        sick.forget_refused_pin()
        assert eventually(lambda: sick.health().up)

    def test_a_pin_that_is_not_set_yet_may_be_set_to_this_one(
        self, token: Any, store: PKCS11Store, faults: Faults, open_store: Any
    ) -> None:
        """It was not refused: nothing was compared. What the security officer sets is what the source has."""
        store.close()
        faults.fail("C_Login", CKR.USER_PIN_NOT_INITIALIZED)
        sick = open_store(token, prepare=False, **faults.settings(token))
        with pytest.raises(StoreUnavailable, match="no user PIN yet"):
            sick.connect()
        assert sick.health().failure is FailureReason.PIN_NOT_SET
        assert not sick._connection.latch.blocks(PIN)
        faults.clear()
        assert eventually(lambda: sick.health().up)

    def test_removing_the_file_is_the_operators_word(
        self, token: Any, store: PKCS11Store, faults: Faults, open_store: Any
    ) -> None:
        """In the process that was refused, too."""
        store.close()
        faults.fail("C_Login", CKR.PIN_LOCKED)
        sick = open_store(token, prepare=False, **faults.settings(token))
        with pytest.raises(StoreUnavailable, match="PIN_LOCKED"):
            sick.connect()
        faults.clear()
        assert sick._connection.latch.path is not None
        sick._connection.latch.path.unlink()
        assert eventually(lambda: sick.health().up)

    def test_a_pin_source_that_fails(self, token: Any, open_store: Any) -> None:
        def broken() -> str:
            raise ValueError("the secret is hunter2")

        store = open_store(token, prepare=False, pin=broken)
        with pytest.raises(StoreUnavailable, match="ValueError") as caught:
            store.connect()
        assert "hunter2" not in str(caught.value)


class TestClose:
    def test_closed_is_final_and_quiet(self, token: Any, open_store: Any) -> None:
        store = open_store(token)
        store.close()
        store.close()
        assert not store.health().up
        with pytest.raises(StoreUnavailable, match="closed"):
            store.random(8)

    def test_closing_while_down_ends_the_healer(self, token: Any, open_store: Any) -> None:
        store = open_store(token, prepare=False, token_label="nobody")
        with pytest.raises(StoreUnavailable):
            store.connect()
        store.close()
        assert not any("kmipd-heal" in one.name and store.name in one.name for one in threading.enumerate())

    def test_it_can_be_opened_again(self, token: Any, open_store: Any) -> None:
        first = open_store(token)
        key = first.generate_key(new_id(), AES)
        first.close()
        assert open_store(token).exists(key.cka_id)


def test_eight_threads_make_use_and_destroy_keys(store: PKCS11Store) -> None:
    wrapping = new_id()
    store.create_wrapping_key(wrapping)
    begun, errors, rounds = time.monotonic(), [], [0] * 8

    def work(number: int) -> None:
        try:
            while time.monotonic() < begun + 4 or (rounds[number] <= 5 and time.monotonic() < begun + 60):
                key = store.generate_key(new_id(), AES)
                material = store.release(key)
                assert len(material) == 32
                assert store.decrypt(key, ECB, store.encrypt(key, ECB, bytes(16)).data, b"") == bytes(16)
                assert store.unseal(wrapping, store.seal(wrapping, material, b"x"), b"x") == material
                assert store.exists(key.cka_id)
                store.destroy(key.cka_id)
                with pytest.raises(TokenKeyMissing):
                    store.release(key)
                rounds[number] += 1
        except (StoreError, AssertionError) as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert errors == []
    assert min(rounds) > 5
    assert len(store.inventory()) == 2
    assert store.health().epoch <= 2
