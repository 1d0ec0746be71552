"""Credentials of the settings: whom they stand for, who may send them, and what a wrong one is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from kmipd import config
from kmipd.core.errors import KmipError
from kmipd.core.model import Principal
from kmipd.spec.enumerations import ResultReason
from kmipd.spec.objects import DeviceCredential, UsernameAndPasswordCredential
from kmipd.trust.credentials import CredentialRule, SettingsCredentials, WrongHash, hashed, parse

GATEWAY = Principal("gateway", "gateway")
FRED = CredentialRule(principal="fred", group="stone", username="Fred", password=hashed("yabba"))
ARRAY = CredentialRule(
    principal="array",
    group="array",
    device=(("device_serial_number", "1"),),
    password=hashed("d"),
    clients=("gateway",),
)
CREDENTIALS = SettingsCredentials((FRED, ARRAY))


def _user(name: str, password: str | None = None) -> UsernameAndPasswordCredential:
    return UsernameAndPasswordCredential(username=name, password=password)


def test_the_right_password_stands_for_the_principal() -> None:
    for _ in range(2):  # remembered the second time
        assert CREDENTIALS.principal(_user("Fred", "yabba"), GATEWAY) == Principal("fred", "stone")


@pytest.mark.parametrize("password", ["", None, "yabb", "yabba ", "Yabba"])
def test_a_wrong_password_is_refused(password: str | None) -> None:
    CREDENTIALS.principal(_user("Fred", "yabba"), GATEWAY)
    with pytest.raises(KmipError) as refused:
        CREDENTIALS.principal(_user("Fred", password), GATEWAY)
    assert refused.value.reason is ResultReason.BAD_PASSWORD


@pytest.mark.parametrize("name", ["", "fred", "Barney"])
def test_a_name_that_is_not_in_the_settings_says_nothing(name: str) -> None:
    assert CREDENTIALS.principal(_user(name, "yabba"), GATEWAY) is None


def test_a_device_is_known_by_every_field_that_is_given() -> None:
    device = DeviceCredential(device_serial_number="1", password="d", media_identifier="any")
    assert CREDENTIALS.principal(device, GATEWAY) == Principal("array", "array")
    assert CREDENTIALS.principal(DeviceCredential(device_serial_number="2", password="d"), GATEWAY) is None
    assert CREDENTIALS.principal(DeviceCredential(password="d"), GATEWAY) is None


def test_a_credential_may_be_for_some_clients_only() -> None:
    device = DeviceCredential(device_serial_number="1", password="d")
    with pytest.raises(KmipError) as refused:
        CREDENTIALS.principal(device, Principal("stranger", "stranger"))
    assert refused.value.reason is ResultReason.AUTHENTICATION_NOT_SUCCESSFUL


def test_a_password_is_kept_as_no_password() -> None:
    assert "yabba" not in FRED.password
    assert FRED.password not in repr(FRED)
    assert hashed("yabba") != FRED.password, "every one has a salt of its own"


@pytest.mark.parametrize(
    "kept",
    [
        "",
        "yabba",
        "scrypt$16384$8$1$AA==",
        "scrypt$16384$8$1$AA==$",
        "scrypt$3$8$1$AA==$AA==",
        "scrypt$1073741824$8$1$AA==$AA==",
        "scrypt$16384$8$1$!$AA==",
        "bcrypt$16384$8$1$AA==$AA==",
    ],
)
def test_what_is_no_hash_is_refused(kept: str) -> None:
    with pytest.raises(WrongHash):
        parse(kept)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('principal = "a"\npassword = "x"', "username"),
        ('principal = "a"\nusername = "a"\npassword = "x"', "password"),
        ('username = "a"\npassword = "x"', "principal"),
        (f'principal = "a"\nusername = "a"\nrole = "king"\npassword = "{FRED.password}"', "role"),
        (f'principal = "a"\ndevice = {{ serial = "1" }}\npassword = "{FRED.password}"', "device"),
        (f'principal = "a"\nusername = "a"\nclients = "b"\npassword = "{FRED.password}"', "clients"),
    ],
)
def test_settings_that_would_let_anybody_in_are_refused(tmp_path: Path, text: str, problem: str) -> None:
    (tmp_path / config.FILE).write_text(f'[store]\ntoken_label = "t"\n[[credential]]\n{text}\n')
    with pytest.raises(config.SettingsError, match=problem):
        config.load(tmp_path, {})
