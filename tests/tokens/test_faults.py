"""Return codes that a healthy token never gives, injected one by one; and sessions that run out."""

from __future__ import annotations

import math
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from kmipd.core.errors import (
    MechanismUnavailable,
    StoreRefused,
    StoreUnavailable,
    StoreUncertain,
)
from kmipd.core.ports import CipherParameters, KeyTemplate, TokenKey
from kmipd.spec.enumerations import BlockCipherMode as Mode
from kmipd.spec.enumerations import CryptographicAlgorithm as Algorithm
from kmipd.spec.enumerations import RecommendedCurve
from kmipd.spec.masks import CryptographicUsageMask as Usage
from kmipd_pkcs11 import healing, proofs
from kmipd_pkcs11.codes import CKR
from kmipd_pkcs11.errors import Verb
from kmipd_pkcs11.providers import facts_of
from kmipd_pkcs11.store import PKCS11Store
from tests.tokens.faults import Action, Faults, eventually

AES = KeyTemplate(algorithm=Algorithm.AES, length=256, usage=Usage.ENCRYPT | Usage.DECRYPT, label="test")
ECB = CipherParameters(algorithm=Algorithm.AES, block_cipher_mode=Mode.ECB)
PIN = "correct-horse-1234"


def new_id() -> bytes:
    return secrets.token_bytes(16)


def raw(store: PKCS11Store, name: str, *arguments: Any) -> None:
    """One C_* call behind the store's back."""
    store._connection.functions.code(name, *arguments)


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

    def test_a_refuted_proof_is_tried_again_after_a_while(
        self, faulty: PKCS11Store, faults: Faults, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(proofs, "DOUBT_SECONDS", 0.2)
        key = faulty.generate_key(new_id(), AES)
        faults.fail("C_WrapKey", CKR.MECHANISM_INVALID)
        assert not faulty.can_hold(AES), "what could never be released is not made"
        faults.fail("C_EncryptInit", CKR.MECHANISM_INVALID)
        with pytest.raises(MechanismUnavailable):
            faulty.encrypt(key, ECB, bytes(16))
        calls = faults.calls("C_EncryptInit")
        with pytest.raises(MechanismUnavailable):
            faulty.encrypt(key, ECB, bytes(16))
        assert faults.calls("C_EncryptInit") == calls, "not with every request"
        faults.clear()
        assert eventually(lambda: faulty.can_hold(AES))
        time.sleep(0.2)  # each mechanism has a while of its own
        assert faulty.encrypt(key, ECB, bytes(16)).data

    def test_a_session_is_not_used_again_after_a_word_about_the_mechanism(
        self, faulty: PKCS11Store, faults: Faults
    ) -> None:
        """From C_Encrypt it leaves the operation begun, and the next call of that session would fail."""
        key = faulty.generate_key(new_id(), AES)
        right, epoch = faulty.encrypt(key, ECB, bytes(16)), faulty.health().epoch
        faults.add("C_Encrypt", Action.RETURN, code=CKR.MECHANISM_INVALID, count=1)
        with pytest.raises(MechanismUnavailable):
            faulty.encrypt(key, ECB, bytes(16))
        assert faulty.encrypt(key, ECB, bytes(16)) == right
        assert faulty.health().epoch == epoch, "nobody had to log in again"

    def test_reasons_name_the_code(self, faulty: PKCS11Store, faults: Faults) -> None:
        key = faulty.generate_key(new_id(), AES)
        faults.fail("C_EncryptInit", CKR.MECHANISM_INVALID)
        with pytest.raises(MechanismUnavailable, match=r"has no working CKM_AES_ECB.*CKR_MECHANISM_INVALID"):
            faulty.encrypt(key, ECB, bytes(16))
        with pytest.raises(StoreUnavailable, match="refuses CKM_AES_ECB with CKR_MECHANISM_INVALID"):
            faulty.check()

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

    def test_a_key_that_cannot_be_destroyed_stands_in_nobody_elses_way(
        self, faulty: PKCS11Store, faults: Faults
    ) -> None:
        keys = {faulty.generate_key(new_id(), AES).cka_id for _ in range(3)}
        faults.add("C_DestroyObject", Action.RETURN, code=CKR.ACTION_PROHIBITED, count=1)
        gone = faulty.destroy_each(keys)
        assert len(gone) == 2
        assert [cka_id for cka_id in keys if faulty.exists(cka_id)] == list(keys - gone)
        faults.clear()
        assert faulty.destroy_each(keys) == keys

    def test_many_destroys_that_fail_are_never_taken_for_done(self, faulty: PKCS11Store, faults: Faults) -> None:
        keys = {faulty.generate_key(new_id(), AES).cka_id for _ in range(3)}
        faults.fail("C_DestroyObject", CKR.FUNCTION_FAILED)
        with pytest.raises(StoreUncertain):
            faulty.destroy_each(keys)
        faults.clear()
        time.sleep(0.15)
        assert faulty.destroy_each(keys) == keys
        assert not any(map(faulty.exists, keys))

    @pytest.fixture
    def doubted(self, faults: Faults, token: Any, open_store: Any) -> PKCS11Store:
        """A destroy has failed, and failed again right after the module was initialised anew: that is not tried again
        before a pause is over, here not before the test says so."""
        store: PKCS11Store = open_store(token, **faults.settings(token, backoff_first=600.0))
        key = store.generate_key(new_id(), AES)
        faults.fail("C_DestroyObject", CKR.FUNCTION_FAILED)
        with pytest.raises(StoreUncertain):
            store.destroy(key.cka_id)
        faults.clear()
        return store

    def test_after_a_failed_change_nothing_found_proves_nothing(self, doubted: PKCS11Store, faults: Faults) -> None:
        """SoftHSM2 on a read-only disk drops the handle of a key it could not destroy, and lists it no more."""
        initialised = faults.calls("C_Initialize")
        with pytest.raises(StoreUnavailable, match="CKR_FUNCTION_FAILED"):
            doubted.exists(new_id())
        doubted._connection._reinitialised = -math.inf
        assert not doubted.exists(new_id())
        assert faults.calls("C_Initialize") == initialised + 1

    def test_after_a_failed_change_a_vague_error_is_not_the_inputs(self, doubted: PKCS11Store, faults: Faults) -> None:
        """The sentinel answers from a view in which another key may be lost: that is not "well otherwise"."""
        key = doubted.generate_key(new_id(), AES)
        material = doubted.release(key)
        faults.fail("C_WrapKey", CKR.FUNCTION_FAILED)
        with pytest.raises(StoreUnavailable, match="FUNCTION_FAILED"):
            doubted.release(key)
        faults.clear()
        assert doubted.release(key) == material

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

    def test_a_find_that_fails_says_what_it_failed_with(self, faulty: PKCS11Store, faults: Faults) -> None:
        """Not what C_FindObjectsFinal, which ends it, says of a search that has ended already."""
        faults.fail("C_FindObjects", CKR.TOKEN_RESOURCE_EXCEEDED)
        faults.add("C_FindObjectsFinal", Action.RETURN, code=CKR.OPERATION_NOT_INITIALIZED)
        with pytest.raises(StoreUnavailable, match="CKR_TOKEN_RESOURCE_EXCEEDED"):
            faulty.exists(new_id())
        faults.clear()
        assert not faulty.exists(new_id())

    def test_a_hanging_call_delays_nobody_else(self, faulty: PKCS11Store, faults: Faults) -> None:
        key = faulty.generate_key(new_id(), AES)
        faulty.encrypt(key, ECB, bytes(16))
        faults.hang("C_Encrypt", count=1)
        threads = [
            threading.Thread(target=call) for call in (self._encrypting(faulty, key), lambda: faulty.release(key))
        ]
        threads[0].start()
        assert eventually(lambda: faults.fired() == 1)
        threads[1].start()
        threads[1].join(10)
        hung, answered = threads[0].is_alive(), not threads[1].is_alive()
        faults.clear()
        for one in threads:
            one.join()
        assert hung
        assert answered

    def test_a_call_that_hangs_longer_than_the_drain_is_told(self, faults: Faults, token: Any, open_store: Any) -> None:
        store = open_store(token, **faults.settings(token, drain=0.1, session_wait=0.2))
        key = store.generate_key(new_id(), AES)
        store.encrypt(key, ECB, bytes(16))
        faults.hang("C_Encrypt", count=1)
        hung = threading.Thread(target=self._encrypting(store, key))
        hung.start()
        assert eventually(lambda: faults.fired() == 1)
        store._connection._suspect("a test", True, store.health().epoch)
        with pytest.raises(StoreUnavailable, match="hung"):
            store.random(8)
        faults.clear()
        hung.join()
        assert eventually(lambda: store.health().up)

    @staticmethod
    def _encrypting(store: PKCS11Store, key: TokenKey) -> Callable[[], object]:
        return lambda: store.encrypt(key, ECB, bytes(16))

    def test_a_change_that_hangs_leaves_nothing_to_do_in_this_process(
        self, faults: Faults, token: Any, open_store: Any
    ) -> None:
        store = open_store(token, **faults.settings(token, token_lock_wait=0.2))
        assert store.stuck() == ""
        faults.hang("C_GenerateKey", count=1)
        made = threading.Thread(target=lambda: store.generate_key(new_id(), AES))
        made.start()
        assert eventually(lambda: "a change of the token has hung" in store.stuck())
        with pytest.raises(StoreUnavailable, match="another change of the token"):
            store.exists(new_id())
        assert store.random(8), "what needs no lock goes on"
        faults.clear()
        made.join()
        assert store.stuck() == ""

    def test_a_call_that_keeps_the_module_from_being_re_initialised_is_told(
        self, faults: Faults, token: Any, open_store: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(healing, "HANG_SECONDS", 0.1)
        store = open_store(token, **faults.settings(token, drain=0.1, session_wait=0.2))
        key = store.generate_key(new_id(), AES)
        store.encrypt(key, ECB, bytes(16))
        faults.hang("C_Encrypt", count=1)
        hung = threading.Thread(target=lambda: store.encrypt(key, ECB, bytes(16)))
        hung.start()
        assert eventually(lambda: store._connection._module.gate.inside == 1)
        store._connection._suspect("a test", True, store.health().epoch)
        with pytest.raises(StoreUnavailable, match="hung in the module"):
            store.random(8)
        assert eventually(lambda: "hung in the module" in store.stuck())
        faults.clear()
        hung.join()
        assert eventually(lambda: store.health().up)
        assert store.stuck() == ""

    def test_a_login_that_hangs_is_told(
        self, faults: Faults, token: Any, open_store: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(healing, "RECOVERY_SECONDS", 0.1)
        store = open_store(token, **faults.settings(token, session_wait=0.1))
        faults.hang("C_Login", count=1)
        store._connection._suspect("a test", True, store.health().epoch)
        waiting = threading.Thread(target=lambda: store.random(8))
        waiting.start()
        assert eventually(lambda: "has been reconnecting" in store.stuck())
        with pytest.raises(StoreUnavailable, match="is reconnecting"):
            store.random(8)
        faults.clear()
        waiting.join()
        assert store.random(8)

    def test_a_library_that_recovers_in_a_new_process_only(self, faults: Faults, token: Any, open_store: Any) -> None:
        facts = replace(facts_of(faults.module), replace_worker_after=0.3)
        store = open_store(token, **faults.settings(token, facts=facts))
        faults.fail("*", CKR.DEVICE_ERROR)
        with pytest.raises(StoreUnavailable):
            store.random(8)
        assert store.stuck() == "", "it may still come back"
        assert eventually(lambda: "in a new process only" in store.stuck())
        faults.clear()
        assert eventually(lambda: store.health().up)
        assert store.stuck() == ""


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

    def test_a_session_that_is_long_in_opening_delays_nobody_who_has_one(
        self, faults: Faults, token: Any, open_store: Any
    ) -> None:
        store = open_store(token, **faults.settings(token))
        held, free = threading.Event(), threading.Event()

        def hold(_: Any) -> None:
            held.set()
            free.wait(10)

        holding = threading.Thread(target=store._connection.run, args=(Verb.FIND, hold))
        holding.start()
        assert held.wait(10)
        faults.hang("C_OpenSession", count=1)
        opening = threading.Thread(target=lambda: store.random(8))
        opening.start()
        assert eventually(lambda: faults.fired() == 1)
        free.set()
        holding.join(5)
        answered = not holding.is_alive()
        if answered:
            assert store.random(8), "by the session that came back"
        faults.clear()
        opening.join()
        assert answered
        assert store._connection.pool.opened == 2

    def test_a_session_that_failed_is_closed(self, faulty: PKCS11Store, faults: Faults) -> None:
        closed = faults.calls("C_CloseSession")
        faults.fail("C_GenerateRandom", CKR.FUNCTION_FAILED, count=1)
        assert faulty.random(8)
        assert faults.calls("C_CloseSession") > closed
