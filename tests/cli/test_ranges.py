"""Numbers of kmipd.toml: every one has bounds, and a wrong one is refused by name."""

from __future__ import annotations

from pathlib import Path
from typing import get_type_hints

import pytest

from kmipd import config
from kmipd.config_ranges import ORDERED, RANGES

SECTIONS = {
    "server": config.ServerSettings,
    "store": config.StoreSection,
    "keys": config.KeySettings,
    "limits": config.DoorLimits,
    "messages": config.MessageLimits,
}


def load(tmp_path: Path, table: str, *lines: str) -> config.Settings:
    tables = {"store": ['token_label = "kmipd"'], table: []}
    tables[table] += lines
    text = "".join(f"[{name}]\n" + "\n".join(body) + "\n" for name, body in tables.items())
    (tmp_path / config.FILE).write_text(text)
    return config.load(tmp_path, {})


@pytest.mark.parametrize("name", ["", "Main", "a/b", "../main", "main@file", "main+connect", "a" * 64])
def test_the_root_store_has_a_name_that_files_can_have(tmp_path: Path, name: str) -> None:
    with pytest.raises(config.SettingsError, match=r"\[store\] name must be the name of a key store"):
        load(tmp_path, "store", f'name = "{name}"')


def test_every_number_has_bounds() -> None:
    numbers = {
        table: {key for key, kind in get_type_hints(cls).items() if kind in (int, float)}
        for table, cls in SECTIONS.items()
    }
    assert {table: set(ranges) for table, ranges in RANGES.items()} == numbers
    assert all(key in RANGES[table] for table, *keys in ORDERED for key in keys)


@pytest.mark.parametrize(("table", "key"), [(table, key) for table, ranges in RANGES.items() for key in ranges])
def test_a_number_out_of_bounds_is_refused_by_name(tmp_path: Path, table: str, key: str) -> None:
    low, high = RANGES[table][key]
    for wrong in (low - 1, high + 1):
        with pytest.raises(config.SettingsError) as refused:
            load(tmp_path, table, f"{key} = {wrong}")
        assert f"[{table}] {key} must be between {low} and {high}" in str(refused.value)


@pytest.mark.parametrize("key", ["handshake", "idle", "drain"])
@pytest.mark.parametrize("value", ["inf", "nan", "true", '"10"'])
def test_what_is_no_number_of_seconds(tmp_path: Path, key: str, value: str) -> None:
    with pytest.raises(config.SettingsError, match=key):
        load(tmp_path, "limits", f"{key} = {value}")


def test_numbers_that_contradict_each_other(tmp_path: Path) -> None:
    with pytest.raises(config.SettingsError, match="threads_min must not be above threads_max, which is 1"):
        load(tmp_path, "limits", "threads_max = 1")
    with pytest.raises(config.SettingsError, match="hung_max must not be above threads_max, which is 3"):
        load(tmp_path, "limits", "threads_max = 3")
    assert load(tmp_path, "limits", "threads_min = 1", "threads_max = 1", "hung_max = 1").limits.threads_max == 1


def test_an_rsa_length_is_whole_bytes(tmp_path: Path) -> None:
    with pytest.raises(config.SettingsError, match="rsa_bits_min"):
        load(tmp_path, "keys", "rsa_bits_min = 2047")


@pytest.mark.parametrize(
    "wrong", ['"5696"', '["5696"]', '["keys.example.com"]', '[":5696"]', '["::1:99999"]', "[5696]"]
)
def test_a_further_address_is_host_and_port(tmp_path: Path, wrong: str) -> None:
    with pytest.raises(config.SettingsError, match="also_listen"):
        load(tmp_path, "server", f"also_listen = {wrong}")


def test_further_addresses_follow_the_main_one(tmp_path: Path) -> None:
    found = load(tmp_path, "server", 'also_listen = ["[::1]:443", "10.0.0.1:5698"]')
    assert found.server.addresses == [("0.0.0.0", 5696), ("::1", 443), ("10.0.0.1", 5698)]
