"""Where PINs come from: each source gives its first line, and says in one sentence what is wrong with it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from kmipd.core.errors import StoreUnavailable
from kmipd.core.failures import FailureReason
from kmipd.core.keystores import PinKind, PinSource
from kmipd_pkcs11 import pin_sources
from kmipd_pkcs11.pin_sources import pin_from


def refused(source: PinSource) -> str:
    with pytest.raises(StoreUnavailable) as caught:
        pin_from(source)()
    assert caught.value.failure is FailureReason.PIN_SOURCE_UNREADABLE
    return str(caught.value)


def test_every_kind_has_a_reader() -> None:
    assert set(pin_sources._READERS) == set(PinKind)


def test_a_systemd_credential(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = PinSource(PinKind.CREDENTIAL, ("hsm2",))
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    assert "LoadCredential" in refused(source)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert "cannot be read: No such file" in refused(source)
    (tmp_path / "hsm2").write_text("sécret 1\nsecond line\n")
    assert pin_from(source)() == "sécret 1"


def test_an_environment_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    source = PinSource(PinKind.ENVIRONMENT, ("KMIPD_TEST_PIN",))
    assert "KMIPD_TEST_PIN is empty" in refused(source)
    monkeypatch.setenv("KMIPD_TEST_PIN", "1234")
    assert pin_from(source)() == "1234"


def command(program: str) -> PinSource:
    return PinSource(PinKind.COMMAND, (sys.executable, "-c", program))


def test_a_command() -> None:
    assert pin_from(command("print('1234'); print('more')"))() == "1234"
    assert "exit code 3" in refused(command("import sys; print('1234'); sys.exit(3)"))
    assert "empty" in refused(command("pass"))
    assert "did not run: No such file" in refused(PinSource(PinKind.COMMAND, ("/nowhere/pin",)))
    assert "more than" in refused(command("print('1' * 10000)"))
    assert "UTF-8" in refused(command("import sys; sys.stdout.buffer.write(b'\\xff\\xfe')"))


def test_a_command_that_hangs_does_not_hang_the_login(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pin_sources, "COMMAND_SECONDS", 0.2)
    assert "did not end within 0.2 s" in refused(command("import time; time.sleep(60)"))


def test_what_a_source_prints_is_never_in_an_error() -> None:
    text = refused(command("import sys; print('s3cret'); sys.stderr.write('s3cret'); sys.exit(1)"))
    assert "s3cret" not in text
