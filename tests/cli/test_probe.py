"""`kmipd store probe`: needs no server, tells what a token does, and writes it down."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from kmipd_pkcs11.providers import load
from tests.support.commands import interrupted
from tests.support.modules import built, hanging
from tests.support.tokens import SpareToken


def probe(*options: object, code: int = 0) -> str:
    """In a process of its own, with all it said: the command forks, and that of a test may have threads and modules."""
    command = [sys.executable, "-m", "kmipd", "store", "probe", *map(str, options)]
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=200, check=False
    )
    assert done.returncode == code, done.stdout
    return done.stdout


@pytest.fixture
def token(softhsm: Path, tmp_path: Path) -> SpareToken:
    return SpareToken.make(tmp_path / "hsm", "new")


def test_a_new_token(token: SpareToken, tmp_path: Path) -> None:
    shown = probe(*token.options(), "--write", tmp_path / "facts.toml")
    assert "CKM_AES_GCM" in shown
    assert "KMIP Get of keys in the token" in shown
    assert load((tmp_path / "facts.toml").read_text()).wrap_pads_with_zeros
    assert token.pin not in shown


def test_for_scripts(token: SpareToken) -> None:
    found = json.loads(probe(*token.options(), "--json"))
    verdict = {one["what"]: one["good"] for one in found["findings"] if one["section"] == "verdict"}
    assert verdict == {"keys in the token": True, "KMIP Get of keys in the token": True, "wrapped keys": True}
    assert load(found["provider"]).files


def test_a_wrong_pin_is_one_sentence(token: SpareToken) -> None:
    token.write_pin("not-the-pin")
    said = probe(*token.options(), code=4)
    assert "PIN_INCORRECT" in said
    assert "not-the-pin" not in said


def test_a_module_that_hangs_or_crashes_ends_nothing_but_the_attempt(token: SpareToken, tmp_path: Path) -> None:
    hangs = built(tmp_path, "hangs", "for (;;) sleep(10);")
    assert "has not answered for 1 s" in probe(*token.options(), "--module", hangs, "--timeout", 1, code=4)
    crashes = built(tmp_path, "crashes", "*(volatile int *)0 = 1;")
    assert "SIGSEGV" in probe(*token.options(), "--module", crashes, code=4)


def test_a_failure_is_said_once(token: SpareToken) -> None:
    """Also in a process that has no log."""
    token.write_pin("not-the-pin")
    command = [sys.executable, "-m", "kmipd", "store", "probe", *map(str, token.options())]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 4
    assert [line[:6] for line in done.stderr.splitlines()] == ["Error:"]


def test_ctrl_c_reaches_a_probe_whose_module_hangs(token: SpareToken, tmp_path: Path) -> None:
    hangs, marker = hanging(tmp_path)
    assert interrupted("store", "probe", *token.options(), "--module", hangs, at=marker) == (1, "Aborted!")


def test_a_file_that_cannot_be_written_is_one_sentence(token: SpareToken, tmp_path: Path) -> None:
    said = probe(*token.options(), "--write", tmp_path / "none" / "facts.toml", code=1)
    assert "facts.toml: No such file or directory" in said


def test_what_is_missing_is_said(softhsm: Path) -> None:
    said = probe(code=2)
    assert "--module" in said
    assert softhsm.name in said, "the modules that are here are named"
