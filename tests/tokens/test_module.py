"""Modules are opened in one place, for threads; provisioning makes tokens that only their owner can read."""

from __future__ import annotations

import re
import secrets
import stat
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from kmipd.core.errors import StoreUnavailable
from kmipd.core.ports import KeyTemplate
from kmipd.spec.enumerations import CryptographicAlgorithm as Algorithm
from kmipd_pkcs11 import module as module_file
from kmipd_pkcs11 import provision
from kmipd_pkcs11.codes import CKR
from kmipd_pkcs11.gate import GateClosed
from kmipd_pkcs11.module import close_module, open_module
from kmipd_pkcs11.raw import CKF_OS_LOCKING_OK
from kmipd_pkcs11.structures import InitializeArguments
from tests.tokens.faults import Faults, eventually

AES = KeyTemplate(algorithm=Algorithm.AES, length=256)
ROOT = Path(module_file.__file__).parent.parent.parent
PIN = "correct-horse-1234"


def run(script: str, *arguments: str, timeout: float = 60) -> subprocess.CompletedProcess[str]:
    """In a process of its own, since what is tested may crash it."""
    command = [sys.executable, "-c", textwrap.dedent(script), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout, cwd=ROOT)


def test_nobody_else_opens_modules() -> None:
    opening = re.compile(r"\bpkcs11\.lib\(|_pkcs11\.lib\b|from pkcs11 import .*\blib\b|C_Initialize\W*\(None\)")
    offenders = {
        path.relative_to(ROOT).as_posix()
        for folder in ("kmipd", "pkcs11", "tests")
        for path in (ROOT / folder).rglob("*.py")
        if opening.search(path.read_text("utf-8")) and path != Path(__file__)
    }
    assert offenders <= {"pkcs11/kmipd_pkcs11/module.py"}


def test_modules_are_initialised_for_threads(token: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    real = InitializeArguments

    def watch(**values: int) -> InitializeArguments:
        seen.append(values["flags"])
        return real(**values)

    monkeypatch.setattr(module_file, "InitializeArguments", watch)
    opened = open_module(token.softhsm.module, token.softhsm.environment)
    with opened.gate.exclusive(1):
        opened.initialize()
    assert seen == [CKF_OS_LOCKING_OK]
    close_module(opened, 1)
    assert opened.generation == 0


def test_threads_that_encrypt_do_not_crash_the_process(token: Any) -> None:
    script = """
        import secrets, sys, threading, time
        from pathlib import Path
        from kmipd.core.ports import KeyTemplate
        from kmipd.spec.enumerations import CryptographicAlgorithm
        from kmipd_pkcs11.settings import StoreSettings
        from kmipd_pkcs11.store import PKCS11Store
        module, configuration, label, pin = sys.argv[1:]
        store = PKCS11Store(StoreSettings(name="a", module=Path(module), token_label=label, pin=lambda: pin,
                                          environment={"SOFTHSM2_CONF": configuration}))
        store.prepare()
        wrapping = secrets.token_bytes(16)
        store.create_wrapping_key(wrapping)
        errors, until = [], time.monotonic() + 2
        def work():
            try:
                while time.monotonic() < until:
                    assert store.unseal(wrapping, store.seal(wrapping, b"x" * 256, b"y"), b"y") == b"x" * 256
            except Exception as error:
                errors.append(error)
        threads = [threading.Thread(target=work) for _ in range(8)]
        for one in threads: one.start()
        for one in threads: one.join()
        print(len(errors), errors[:1])
        # no close: a worker that is killed must not crash on its way out either
    """
    softhsm = token.softhsm
    done = run(script, str(softhsm.module), softhsm.environment["SOFTHSM2_CONF"], softhsm.token_label, PIN)
    assert (done.returncode, done.stdout, done.stderr) == (0, "0 []\n", "")


def test_a_store_made_before_a_fork_connects_after_it(token: Any) -> None:
    script = """
        import os, sys
        from pathlib import Path
        from kmipd_pkcs11.settings import StoreSettings
        from kmipd_pkcs11.store import PKCS11Store
        module, configuration, label, pin = sys.argv[1:]
        store = PKCS11Store(StoreSettings(name="a", module=Path(module), token_label=label, pin=lambda: pin,
                                          environment={"SOFTHSM2_CONF": configuration}))
        def child():
            if (pid := os.fork()) == 0:
                try:
                    store.prepare()
                    os._exit(len(store.inventory()))
                except RuntimeError:
                    os._exit(77)
            return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        print(child(), child())
        store.connect()
        print(child())
        store.close()
    """
    softhsm = token.softhsm
    done = run(script, str(softhsm.module), softhsm.environment["SOFTHSM2_CONF"], softhsm.token_label, PIN)
    assert (done.returncode, done.stdout) == (0, "1 1\n77\n"), done.stderr


def test_worker_processes_share_a_token(token: Any, open_store: Any) -> None:
    script = """
        import secrets, sys
        from pathlib import Path
        from kmipd.core.ports import KeyTemplate
        from kmipd.spec.enumerations import CryptographicAlgorithm
        from kmipd_pkcs11.settings import StoreSettings
        from kmipd_pkcs11.store import PKCS11Store
        module, configuration, label, pin, lock = sys.argv[1:]
        store = PKCS11Store(StoreSettings(name="a", module=Path(module), token_label=label, pin=lambda: pin,
                                          lock_file=Path(lock), environment={"SOFTHSM2_CONF": configuration}))
        store.prepare()
        for _ in range(20):
            template = KeyTemplate(algorithm=CryptographicAlgorithm.AES, length=256)
            keys = [store.generate_key(secrets.token_bytes(16), template) for _ in range(2)]
            assert all(len(store.release(key)) == 32 for key in keys)
            store.destroy(keys[0].cka_id)
            assert not store.exists(keys[0].cka_id)
        store.close()
    """
    softhsm = token.softhsm
    arguments = (str(softhsm.module), softhsm.environment["SOFTHSM2_CONF"], softhsm.token_label, PIN)
    command = [sys.executable, "-c", textwrap.dedent(script), *arguments, str(token.directory / "lock")]
    workers = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=ROOT) for _ in range(3)]
    ended = [(worker.communicate(timeout=60)[1], worker.returncode) for worker in workers]
    assert ended == [("", 0)] * 3
    assert len(open_store(token).inventory()) == 3 * 20 + 1


def test_two_tokens_of_two_modules(make_token: Any, open_store: Any) -> None:
    first, second = open_store(make_token("one")), open_store(make_token("two"))
    keys = [store.generate_key(secrets.token_bytes(16), AES) for store in (first, second)]
    assert first.exists(keys[0].cka_id)
    assert not first.exists(keys[1].cka_id)
    assert second.exists(keys[1].cka_id)
    assert first.health().token_serial != second.health().token_serial


def test_two_tokens_of_one_module_survive_each_others_re_initialisation(token: Any, open_store: Any) -> None:
    softhsm = token.softhsm
    provision.provision_softhsm(token.directory, "beta", PIN, "security-officer-1", module=softhsm.module)
    first, second = open_store(token), open_store(token, token_label="beta", lock_file=None)
    keys = [store.generate_key(secrets.token_bytes(16), AES) for store in (first, second)]
    materials = [store.release(key) for store, key in zip((first, second), keys, strict=True)]
    assert first._connection._module is second._connection._module
    for _ in range(3):
        first._connection._suspect("a test", True, first.health().epoch)
        assert first.release(keys[0]) == materials[0]
        assert second.release(keys[1]) == materials[1]
        assert second.health().up
    first.close()
    assert second.release(keys[1]) == materials[1]


def test_one_module_cannot_have_two_configurations(token: Any, store: Any) -> None:
    with pytest.raises(StoreUnavailable, match="other settings"):
        open_module(token.softhsm.module, {"SOFTHSM2_CONF": "/elsewhere"})


def test_a_module_that_somebody_else_initialised_is_used_by_the_same_settings_only(token: Any) -> None:
    """By others it might be another configuration's token; a wrapper around the same library is no stranger."""
    script = """
        import ctypes, os, sys
        from kmipd.core.errors import StoreUnavailable
        from kmipd_pkcs11.module import open_module
        path, configuration = sys.argv[1:]
        os.environ["SOFTHSM2_CONF"] = "/dev/null"
        library, module = ctypes.CDLL(path), open_module(path, {"SOFTHSM2_CONF": configuration})
        assert library.C_Initialize(None) == 0
        for _ in range(2):
            try:
                module.initialize()
            except StoreUnavailable as error:
                print(error.failure.name, "something else in this process" in str(error), os.environ["SOFTHSM2_CONF"])
        assert library.C_Finalize(None) == 0
        os.environ["SOFTHSM2_CONF"] = configuration
        assert library.C_Initialize(None) == 0
        module.initialize()
        print(len(module.tokens()) > 0)
    """
    done = run(script, str(token.softhsm.module), token.softhsm.environment["SOFTHSM2_CONF"])
    assert (done.returncode, done.stdout) == (0, "MODULE_SETTINGS_CLASH True /dev/null\n" * 2 + "True\n"), done.stderr


def test_a_missing_module_and_a_file_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="no PKCS#11 module"):
        open_module(tmp_path / "nothing.so", {})
    wrong = tmp_path / "wrong.so"
    wrong.write_text("no library")
    opened = open_module(wrong, {})
    with pytest.raises(StoreUnavailable, match="does not start"), opened.gate.exclusive(1):
        opened.initialize()
    close_module(opened, 1)


def comes_up_while_it_hangs(other: Any, faults: Faults, hangs: Callable[[], None]) -> bool:
    """Whether a store comes up beside a call in which another module hangs."""
    threads = [threading.Thread(target=call) for call in (hangs, other.prepare)]
    threads[0].start()
    assert eventually(lambda: faults.fired() == 1)
    threads[1].start()
    threads[1].join(10)
    up: bool = other.health().up
    faults.clear()
    for thread in threads:
        thread.join()
    return up


def test_a_module_that_hangs_in_its_initialisation_keeps_no_other_from_it(
    token: Any, faults: Faults, make_token: Any, open_store: Any
) -> None:
    hanging = open_store(token, prepare=False, **faults.settings(token, environment={}))
    faults.hang("C_Initialize", count=1)
    other = open_store(make_token("beta"), prepare=False)

    def connect() -> None:
        with suppress(StoreUnavailable):  # it finds the configuration of whoever was last
            hanging.connect()

    assert comes_up_while_it_hangs(other, faults, connect)


def test_a_module_that_hangs_when_it_is_closed_keeps_no_other_from_being_opened(
    token: Any, faults: Faults, make_token: Any, open_store: Any
) -> None:
    closing, other = open_store(token, **faults.settings(token)), open_store(make_token("beta"), prepare=False)
    faults.hang("C_Finalize", count=1)
    assert comes_up_while_it_hangs(other, faults, closing.close)


@pytest.mark.parametrize("function", ["C_Initialize", "C_GetInfo"])
def test_a_module_that_fails_at_its_start_is_loaded_once_and_comes_back(
    token: Any, faults: Faults, open_store: Any, monkeypatch: pytest.MonkeyPatch, function: str
) -> None:
    open_store(token).close()
    monkeypatch.delenv("SOFTHSM2_CONF", raising=False)  # that nobody has initialised it by our settings but we
    loaded, new = [], module_file._Library.__new__

    def counted(*arguments: Any) -> Any:
        loaded.append(arguments)
        return new(*arguments)

    monkeypatch.setattr(module_file._Library, "__new__", counted)
    faults.fail(function, CKR.DEVICE_ERROR, count=3)
    store = open_store(token, prepare=False, **faults.settings(token))
    with pytest.raises(StoreUnavailable, match="DEVICE_ERROR"):
        store.connect()
    assert eventually(lambda: faults.fired() == 3)
    assert eventually(lambda: store.health().up)
    assert store.random(8)
    assert len(loaded) == 1


def test_a_module_that_could_not_be_finalised_is_not_given_other_settings(token: Any) -> None:
    softhsm = token.softhsm
    module = open_module(softhsm.module, softhsm.environment)
    with module.gate.exclusive(1):
        module.initialize()
        with pytest.raises(GateClosed):
            close_module(module, 0.01)
    with pytest.raises(StoreUnavailable, match="other settings"):
        open_module(softhsm.module, {"SOFTHSM2_CONF": "/dev/null"})
    close_module(open_module(softhsm.module, softhsm.environment), 1)
    close_module(open_module(softhsm.module, {"SOFTHSM2_CONF": "/dev/null"}), 1)


def test_choosing_the_token(token: Any, open_store: Any, store: Any) -> None:
    serial = store.health().token_serial
    assert open_store(token, token_label="", token_serial=serial).health().token_serial == serial
    with pytest.raises(StoreUnavailable, match="'alpha'"):
        open_store(token, prepare=False, token_label="omega").connect()


def test_a_token_that_was_never_prepared_is_not_taken_for_empty(token: Any, open_store: Any) -> None:
    store = open_store(token, prepare=False)
    with pytest.raises(StoreUnavailable, match="kmipd init"):
        store.exists(bytes(16))
    assert not store.health().up


class TestProvision:
    def test_only_the_owner_reads_it(self, token: Any) -> None:
        directory = token.directory
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in directory.iterdir() if path.suffix != ".so"}
        assert modes == {"tokens": 0o700, "softhsm2.conf": 0o600}
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700
        assert all(path.stat().st_mode & 0o077 == 0 for path in (directory / "tokens").rglob("*"))

    def test_an_existing_token_is_left_alone(self, token: Any, store: Any) -> None:
        store.close()
        with pytest.raises(StoreUnavailable, match="already"):
            provision.provision_softhsm(token.directory, "alpha", PIN, PIN, module=token.softhsm.module)

    @pytest.mark.parametrize(("label", "pin"), [("", PIN), ("x" * 33, PIN), ("ok", "1"), ("ok", "x" * 256)])
    def test_bad_labels_and_pins(self, tmp_path: Path, label: str, pin: str) -> None:
        with pytest.raises(ValueError, match="bytes") as caught:
            provision.provision_softhsm(tmp_path, label, pin, PIN)
        assert pin not in str(caught.value) or len(pin) == 1

    def test_random_pins(self) -> None:
        pins = {provision.random_pin() for _ in range(100)}
        assert len(pins) == 100
        assert all(len(pin) == 24 for pin in pins)

    def test_the_template_in_softhsm_is_what_is_written(self) -> None:
        shown = (ROOT / "softhsm" / "softhsm2.conf.template").read_text("utf-8")
        assert shown == provision._TEMPLATE
