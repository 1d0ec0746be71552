"""`kmipd store probe`: needs no server, tells what a token does, and writes it down."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kmipd_pkcs11.providers import load
from tests.support.commands import invoke
from tests.support.tokens import SpareToken


@pytest.fixture
def token(softhsm: Path, tmp_path: Path) -> SpareToken:
    return SpareToken.make(tmp_path / "hsm", "new")


def test_a_new_token(token: SpareToken, tmp_path: Path) -> None:
    shown = invoke("store", "probe", *token.options(), "--write", tmp_path / "facts.toml")
    assert "CKM_AES_GCM" in shown
    assert "KMIP Get of keys in the token" in shown
    assert load((tmp_path / "facts.toml").read_text()).wrap_pads_with_zeros
    assert token.pin not in shown


def test_for_scripts(token: SpareToken) -> None:
    found = json.loads(invoke("store", "probe", *token.options(), "--json"))
    verdict = {one["what"]: one["good"] for one in found["findings"] if one["section"] == "verdict"}
    assert verdict == {"keys in the token": True, "KMIP Get of keys in the token": True, "wrapped keys": True}
    assert load(found["provider"]).files


def test_a_wrong_pin_is_one_sentence(token: SpareToken) -> None:
    token.write_pin("not-the-pin")
    said = invoke("store", "probe", *token.options(), code=4)
    assert "PIN_INCORRECT" in said
    assert "not-the-pin" not in said


def test_what_is_missing_is_said(softhsm: Path) -> None:
    said = invoke("store", "probe", code=2)
    assert "--module" in said
    assert softhsm.name in said, "the modules that are here are named"
