"""Tokens that go away come back without a restart, and nothing is claimed that was not seen."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kmipd.core.errors import (
    MechanismUnavailable,
    StoreError,
    StoreRefused,
    StoreUnavailable,
    StoreUncertain,
    TokenKeyMissing,
)
from kmipd.core.ports import CipherParameters, KeyTemplate
from kmipd.spec.enumerations import BlockCipherMode as Mode
from kmipd.spec.enumerations import CryptographicAlgorithm as Algorithm
from kmipd.spec.enumerations import RecommendedCurve
from kmipd.spec.masks import CryptographicUsageMask as Usage
from kmipd_pkcs11.codes import CKR
from kmipd_pkcs11.errors import Verb
from kmipd_pkcs11.store import PKCS11Store
from tests.tokens.faults import Faults

AES = KeyTemplate(algorithm=Algorithm.AES, length=256, usage=Usage.ENCRYPT | Usage.DECRYPT, label="test")
ECB = CipherParameters(algorithm=Algorithm.AES, block_cipher_mode=Mode.ECB)
PIN = "correct-horse-1234"


def new_id() -> bytes:
    return secrets.token_bytes(16)


def eventually(what: Callable[[], bool], seconds: float = 5) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if what():
            return True
        time.sleep(0.01)
    return what()


def raw(store: PKCS11Store, name: str, *arguments: Any) -> None:
    """One C_* call behind the store's back."""
    store._connection.functions.code(name, *arguments)


@pytest.fixture
def faults(fault_library: Path, token: Any) -> Faults:
    return Faults(fault_library, token.softhsm.module, token.directory)


@pytest.fixture
def faulty(faults: Faults, token: Any, open_store: Any) -> PKCS11Store:
    return open_store(token, **faults.settings(token))


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
            store._connection._suspect("a test", True, store.health().epoch)
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
        begin = time.perf_counter()
        with pytest.raises(StoreUnavailable):
            store.release(key)
        assert time.perf_counter() - begin < 0.05
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
        assert (done.returncode, done.stderr) == (0, "")
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
        time.sleep(0.8)  # several rounds of the healer
        assert faults.calls("C_Login") == 1
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

    @pytest.mark.parametrize("code", [CKR.PIN_LOCKED, CKR.PIN_EXPIRED, CKR.USER_PIN_NOT_INITIALIZED])
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

    def test_a_pin_source_that_fails(self, token: Any, open_store: Any) -> None:
        def broken() -> str:
            raise ValueError("the secret is hunter2")

        store = open_store(token, prepare=False, pin=broken)
        with pytest.raises(StoreUnavailable, match="ValueError") as caught:
            store.connect()
        assert "hunter2" not in str(caught.value)


DATA_FAULTS = [
    CKR.DEVICE_ERROR,
    CKR.DEVICE_REMOVED,
    CKR.DEVICE_MEMORY,
    CKR.HOST_MEMORY,
    CKR.GENERAL_ERROR,
    CKR.FUNCTION_FAILED,
    CKR.TOKEN_NOT_PRESENT,
    CKR.CRYPTOKI_NOT_INITIALIZED,
    CKR.SESSION_HANDLE_INVALID,
    CKR.SESSION_CLOSED,
    CKR.USER_NOT_LOGGED_IN,
    CKR.OPERATION_ACTIVE,
    CKR.KEY_HANDLE_INVALID,
    CKR.OBJECT_HANDLE_INVALID,
    0x80000042,
]


class TestFaults:
    @pytest.mark.parametrize("code", DATA_FAULTS, ids=lambda one: getattr(one, "name", hex(one)))
    @pytest.mark.parametrize("function", ["C_EncryptInit", "C_Encrypt"])
    @pytest.mark.parametrize("after", [False, True], ids=["refused", "reply lost"])
    def test_one_failure_of_a_data_operation_is_not_noticed(
        self, faulty: PKCS11Store, faults: Faults, function: str, code: int, after: bool
    ) -> None:
        key = faulty.generate_key(new_id(), AES)
        expected = faulty.encrypt(key, ECB, bytes(16)).data
        faults.fail(function, code, count=1, after=after)  # type: ignore[arg-type]
        assert faulty.encrypt(key, ECB, bytes(16)).data == expected
        assert faulty.encrypt(key, ECB, bytes(16)).data == expected
        assert faulty.health().up

    def test_a_lasting_device_error_fails_fast_and_heals(self, faulty: PKCS11Store, faults: Faults) -> None:
        key = faulty.generate_key(new_id(), AES)
        material = faulty.release(key)
        faults.fail("*", CKR.DEVICE_ERROR)
        with pytest.raises(StoreUnavailable):
            faulty.release(key)
        assert not faulty.health().up
        assert "DEVICE_ERROR" in faulty.health().reason
        calls = faults.calls("C_WrapKey")
        for _ in range(100):
            with pytest.raises(StoreUnavailable, match="DEVICE_ERROR"):
                faulty.release(key)
        assert faults.calls("C_WrapKey") == calls
        faults.clear()
        assert eventually(lambda: faulty.health().up)
        assert faulty.release(key) == material

    def test_a_proof_that_fails_once_is_tried_again(self, faulty: PKCS11Store, faults: Faults) -> None:
        key = faulty.generate_key(new_id(), AES)
        faults.fail("C_WrapKey", CKR.GENERAL_ERROR, count=1)
        assert faulty.release(key)
        faults.fail("C_Encrypt", CKR.MECHANISM_INVALID, count=1)
        with pytest.raises(MechanismUnavailable):
            faulty.encrypt(key, ECB, bytes(16))

    def test_sessions_killed_under_load(self, faulty: PKCS11Store, faults: Faults) -> None:
        key = faulty.generate_key(new_id(), AES)
        material = faulty.release(key)
        for _ in range(3):
            faults.kill_sessions()
            assert faulty.release(key) == material
            faults.clear()

    def test_a_poisoned_key_does_not_re_initialise_for_everybody(self, faulty: PKCS11Store, faults: Faults) -> None:
        key = faulty.generate_key(new_id(), AES)
        faulty.release(key)
        initialised, epoch = faults.calls("C_Initialize"), faulty.health().epoch
        for _ in range(20):
            # The call fails twice, the sentinel's own encryption in between does not.
            faults.fail("C_WrapKey", CKR.GENERAL_ERROR)
            with pytest.raises(StoreRefused, match="well otherwise"):
                faulty.release(key)
        faults.clear()
        assert faults.calls("C_Initialize") == initialised
        assert faulty.health().epoch == epoch
        assert faulty.release(key)

    @pytest.mark.parametrize("code", [CKR.DEVICE_ERROR, CKR.GENERAL_ERROR, CKR.SESSION_HANDLE_INVALID])
    def test_the_lost_reply_of_a_create(self, faulty: PKCS11Store, faults: Faults, code: CKR) -> None:
        cka_id = new_id()
        faults.fail("C_GenerateKey", code, after=True, count=1)
        key = faulty.generate_key(cka_id, AES)
        assert [one.cka_id for one in faulty.inventory()].count(cka_id) == 1
        assert faulty.release(key)
        pair = KeyTemplate(algorithm=Algorithm.EC, length=256, curve=RecommendedCurve.P_256)
        faults.fail("C_GenerateKeyPair", code, after=True, count=1)
        time.sleep(0.15)
        private, _ = faulty.generate_key_pair(new_id(), pair)
        assert [one.cka_id for one in faulty.inventory()].count(private.cka_id) == 2

    def test_a_create_that_stays_unknown_says_so(self, faulty: PKCS11Store, faults: Faults) -> None:
        cka_id = new_id()
        faults.fail("C_GenerateKey", CKR.DEVICE_ERROR, after=True)
        with pytest.raises(StoreUncertain):
            faulty.generate_key(cka_id, AES)
        faults.clear()
        assert eventually(lambda: faulty.health().up)
        time.sleep(0.15)
        assert faulty.exists(cka_id) in (True, False)
        faulty.destroy(cka_id)
        assert not faulty.exists(cka_id)

    def test_a_token_that_is_full_is_not_sick(self, faulty: PKCS11Store, faults: Faults) -> None:
        initialised = faults.calls("C_Initialize")
        faults.fail("C_GenerateKey", CKR.DEVICE_MEMORY)
        with pytest.raises(StoreUnavailable, match="DEVICE_MEMORY") as caught:
            faulty.generate_key(new_id(), AES)
        assert not isinstance(caught.value, StoreUncertain)
        assert faulty.health().up
        assert faults.calls("C_Initialize") == initialised

    def test_a_destroy_that_fails_is_never_taken_for_done(self, faulty: PKCS11Store, faults: Faults) -> None:
        key = faulty.generate_key(new_id(), AES)
        faults.fail("C_DestroyObject", CKR.FUNCTION_FAILED)
        for _ in range(3):
            with pytest.raises(StoreUncertain):
                faulty.destroy(key.cka_id)
        faults.clear()
        time.sleep(0.15)
        assert faulty.exists(key.cka_id)
        faulty.destroy(key.cka_id)
        assert not faulty.exists(key.cka_id)

    def test_after_a_failed_change_nothing_found_proves_nothing(self, faulty: PKCS11Store, faults: Faults) -> None:
        """SoftHSM2 on a read-only disk drops the handle of a key it could not destroy, and lists it no more."""
        key = faulty.generate_key(new_id(), AES)
        faults.fail("C_DestroyObject", CKR.FUNCTION_FAILED)
        with pytest.raises(StoreUncertain):
            faulty.destroy(key.cka_id)
        faults.clear()
        initialised = faults.calls("C_Initialize")
        with pytest.raises(StoreUnavailable):
            faulty.exists(new_id())
        time.sleep(0.15)
        assert not faulty.exists(new_id())
        assert faults.calls("C_Initialize") == initialised + 1

    def test_a_find_that_finds_nothing_is_checked_against_the_sentinel(
        self, faulty: PKCS11Store, token: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        key = faulty.generate_key(new_id(), AES)
        functions = faulty._connection.functions
        monkeypatch.setattr(functions, "find", lambda *_: [])
        for call in (lambda: faulty.exists(key.cka_id), lambda: faulty.destroy(key.cka_id), faulty.inventory):
            with pytest.raises(StoreUnavailable):
                call()  # type: ignore[no-untyped-call]
        monkeypatch.undo()
        assert eventually(lambda: faulty.health().up)
        assert faulty.exists(key.cka_id)

    def test_a_hanging_call_delays_nobody_else(self, faulty: PKCS11Store, faults: Faults) -> None:
        key = faulty.generate_key(new_id(), AES)
        faulty.release(key)
        faulty.encrypt(key, ECB, bytes(16))
        faults.slow("C_Encrypt", 0.5, count=1)
        slow = threading.Thread(target=lambda: faulty.encrypt(key, ECB, bytes(16)))
        slow.start()
        time.sleep(0.05)
        begin = time.perf_counter()
        faulty.release(key)
        assert time.perf_counter() - begin < 0.3
        slow.join()

    def test_a_call_that_hangs_longer_than_the_drain_is_told(self, faults: Faults, token: Any, open_store: Any) -> None:
        store = open_store(token, **faults.settings(token, drain=0.1, session_wait=0.2))
        key = store.generate_key(new_id(), AES)
        store.encrypt(key, ECB, bytes(16))
        faults.slow("C_Encrypt", 0.6, count=1)
        slow = threading.Thread(target=lambda: store.encrypt(key, ECB, bytes(16)))
        slow.start()
        time.sleep(0.05)
        store._connection._suspect("a test", True, store.health().epoch)
        with pytest.raises(StoreUnavailable, match="hung"):
            store.random(8)
        slow.join()
        assert eventually(lambda: store.health().up)


class TestPool:
    def test_exhaustion_is_an_error_after_the_wait(self, token: Any, open_store: Any) -> None:
        store = open_store(token, sessions_max=2, session_wait=0.1)
        held, free = threading.Semaphore(0), threading.Event()

        def hold(session: Any) -> None:
            held.release()
            free.wait(5)

        threads = [threading.Thread(target=store._connection.run, args=(Verb.FIND, hold)) for _ in range(2)]
        for one in threads:
            one.start()
        for _ in threads:
            held.acquire()
        begin = time.perf_counter()
        with pytest.raises(StoreUnavailable, match="all 2 sessions were busy"):
            store.random(8)
        assert 0.09 < time.perf_counter() - begin < 1
        free.set()
        for one in threads:
            one.join()
        assert store.random(8)
        assert store._connection.pool.opened == 2

    def test_a_waiting_call_gets_the_next_session(self, token: Any, open_store: Any) -> None:
        store = open_store(token, sessions_max=1)
        threads = [threading.Thread(target=lambda: [store.random(8) for _ in range(200)]) for _ in range(8)]
        begin = time.perf_counter()
        for one in threads:
            one.start()
        for one in threads:
            one.join()
        assert time.perf_counter() - begin < 3
        assert store._connection.pool.opened == 1

    def test_a_token_that_allows_fewer_sessions(self, faults: Faults, token: Any, open_store: Any) -> None:
        store = open_store(token, **faults.settings(token, sessions_max=8, session_wait=0.3))
        faults.fail("C_OpenSession", CKR.SESSION_COUNT)
        threads = [threading.Thread(target=lambda: [store.random(8) for _ in range(50)]) for _ in range(4)]
        for one in threads:
            one.start()
        for one in threads:
            one.join()
        assert store._connection.pool.opened == 1
        assert store.health().up

    def test_a_session_that_failed_is_closed(self, faulty: PKCS11Store, faults: Faults) -> None:
        closed = faults.calls("C_CloseSession")
        faults.fail("C_GenerateRandom", CKR.FUNCTION_FAILED, count=1)
        assert faulty.random(8)
        assert faults.calls("C_CloseSession") > closed


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
    until, errors, rounds = time.monotonic() + 4, [], [0] * 8

    def work(number: int) -> None:
        try:
            while time.monotonic() < until:
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
