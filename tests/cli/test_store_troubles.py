"""`kmipd store` when something is wrong: what is said, what is left behind, and who is not disturbed."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from kmipd import app, config
from kmipd.keystores import connecting
from kmipd.spec import payloads as p
from kmipd.spec.enumerations import Operation, ResultReason
from kmipd.store_administration import KeyStoreAdministration
from tests.support.asking import create
from tests.support.client import Client
from tests.support.commands import described, interrupted, invoke, store, until_health
from tests.support.modules import built, hanging
from tests.support.server import Server
from tests.support.tokens import SpareToken


def test_a_store_whose_token_dies_stays_connected_and_its_health_is_down(own_server: Server, token: SpareToken) -> None:
    own_server.configure("groups.second", store="hsm2").start(workers=1)
    store(own_server, "create", "hsm2", *token.options())
    store(own_server, "connect", "hsm2")
    client = Client.connect(own_server, own_server.enrol(group="second"))
    other = Client.connect(own_server, own_server.enrol())
    get = p.GetRequestPayload(unique_identifier=create(client))
    token.vanish()
    assert client.refusal(Operation.GET, get) is ResultReason.GENERAL_FAILURE
    found = until_health(own_server, "hsm2", "DOWN")
    assert (found["state"], found["failure"]) == ("CONNECTED", None)
    assert "two" in found["health_reason"]
    assert create(other)
    assert described(own_server, "main")["health"] == "UP"
    seen = json.loads(invoke("status", "--dir", own_server.directory, "--json", code=1))["other_stores"]
    assert [(one["name"], one["state"], one["health"]) for one in seen] == [("hsm2", "CONNECTED", "DOWN")]
    checks = json.loads(invoke("doctor", "--dir", own_server.directory, "--json", code=1).split("Error:")[0])
    assert [check["name"] for check in checks if not check["ok"]] == ["stores", "orphans"]
    token.come_back()
    until_health(own_server, "hsm2", "UP")
    assert client.call(Operation.GET, get)
    for one in (client, other):
        one.close()


def test_a_token_that_dies_while_nobody_uses_it_is_noticed(own_server: Server, token: SpareToken) -> None:
    """By every worker: the health is DOWN, not DEGRADED."""
    own_server.start(workers=2)
    store(own_server, "create", "hsm2", *token.options())
    store(own_server, "connect", "hsm2")
    token.vanish()
    assert until_health(own_server, "hsm2", "DOWN")["state"] == "CONNECTED"
    invoke("status", "--dir", own_server.directory, code=1)
    token.come_back()
    until_health(own_server, "hsm2", "UP")


def test_doctor_knows_which_stores_are_needed(own_server: Server, token: SpareToken) -> None:
    def wrong() -> str:
        said = invoke("doctor", "--dir", own_server.directory, "--json", code=1).split("Error:")[0]
        return next(check["detail"] for check in json.loads(said) if check["name"] == "stores" and not check["ok"])

    own_server.configure("groups.second", store="hsm2").start(workers=1)
    assert wrong() == "hsm2: kmipd.toml sends new keys there, and there is none"
    store(own_server, "create", "hsm2", *token.options())
    assert wrong() == "hsm2: DISCONNECTED, and kmipd.toml sends new keys there"
    store(own_server, "connect", "hsm2")
    invoke("doctor", "--dir", own_server.directory)
    client = Client.connect(own_server, own_server.enrol(group="second"))
    create(client)
    client.close()
    store(own_server, "disconnect", "hsm2")
    assert wrong() == "hsm2: DISCONNECTED, and 1 keys are in it"


def test_what_fails_says_why_and_what_to_do(own_server: Server, token: SpareToken) -> None:
    own_server.start(workers=1)
    token.write_pin("wrong PIN")
    store(own_server, "create", "hsm2", *token.options())
    assert "INVALID_CREDENTIALS" in store(own_server, "connect", "hsm2", code=4)
    found = described(own_server, "hsm2")
    assert (found["state"], found["failure"]["reason"]) == ("FAILED", "INVALID_CREDENTIALS")
    assert "not tried again" in found["failure"]["remedy"]
    assert "disconnect it first" in store(own_server, "connect", "hsm2", code=1)
    assert "disconnect it first" in store(own_server, "update", "hsm2", "--rotate-pin", code=1)
    store(own_server, "update", "hsm2", "--description", "may be changed always")
    store(own_server, "disconnect", "hsm2")
    assert "refused earlier" in store(own_server, "connect", "hsm2", code=4), "once, then latched"
    store(own_server, "disconnect", "hsm2")
    token.write_pin(token.pin)
    assert "UP" in store(own_server, "connect", "hsm2")
    store(own_server, "disconnect", "hsm2")
    store(own_server, "update", "hsm2", "--token-label", "three")
    assert "TOKEN_NOT_FOUND" in store(own_server, "connect", "hsm2", code=4)
    assert token.pin not in own_server.log.read_text()


def test_a_module_that_crashes_harms_nobody(own_server: Server, token: SpareToken, tmp_path: Path) -> None:
    own_server.start(workers=1)
    client = Client.connect(own_server, own_server.enrol())
    workers = own_server.workers()
    module = built(tmp_path, "crash", "*(volatile int *)0 = 1;")
    store(own_server, "create", "bad", *token.options(), "--module", module)
    assert "MODULE_CRASHED" in store(own_server, "connect", "bad", code=4)
    assert own_server.workers() == workers
    assert create(client)
    client.close()


def test_a_module_that_another_store_configures_otherwise_is_refused(
    own_server: Server, token: SpareToken, tmp_path: Path
) -> None:
    """The program that tries it would not notice: it has only this one open."""
    other = SpareToken.make(tmp_path / "other", "three")
    own_server.start(workers=1)
    store(own_server, "create", "hsm2", *token.options())
    store(own_server, "connect", "hsm2")
    store(own_server, "create", "hsm3", *other.options(), "--module", token.options()[1])
    said = store(own_server, "connect", "hsm3", code=4)
    assert "MODULE_SETTINGS_CLASH" in said
    assert "'hsm2'" in said
    assert described(own_server, "hsm2")["health"] == "UP"
    store(own_server, "disconnect", "hsm3")
    store(own_server, "update", "hsm3", *other.options())
    assert "health UP" in store(own_server, "connect", "hsm3")


def test_connecting_says_when_no_worker_can_use_the_store(own_server: Server, token: SpareToken) -> None:
    """The attempt went well, and what it found is not there any more."""
    own_server.start(workers=1)
    store(own_server, "create", "hsm2", *token.options())
    store(own_server, "connect", "hsm2")
    token.vanish()
    until_health(own_server, "hsm2", "DOWN")
    said = store(own_server, "connect", "hsm2", code=4)
    assert "health DOWN (" in said
    assert "no worker can use it: key store 'hsm2': the token 'two' is not there" in said


def test_an_attempt_that_hangs_is_ended(own_server: Server, token: SpareToken, monkeypatch: pytest.MonkeyPatch) -> None:
    directory = own_server.directory
    store(own_server, "create", "slow", *token.options(pin=False), "--pin-command", "sleep 5", "--connect-timeout", 1)
    monkeypatch.setattr(connecting, "START_SECONDS", 0.5)
    application = app.compose(config.load(directory, {}))
    try:
        found = KeyStoreAdministration(application).connect("slow")
    finally:
        application.close()
    assert found.record.failure is not None
    assert found.record.failure.name == "TIMED_OUT"


def test_an_attempt_that_is_interrupted_leaves_nothing_behind(
    own_server: Server, token: SpareToken, tmp_path: Path
) -> None:
    """No server runs: the command makes the attempt. Its module hangs where no Ctrl-C is seen."""
    hangs, marker = hanging(tmp_path)
    store(own_server, "create", "slow", *token.options(), "--module", hangs)
    said = interrupted("store", "connect", "slow", "--dir", own_server.directory, at=marker)
    assert said == (1, "Aborted!")
    assert described(own_server, "slow")["state"] == "DISCONNECTED"
    with connecting.alone(own_server.directory, "slow"):
        """Nobody holds the lock any more."""


def test_a_refused_pin_is_tried_with_another_token(own_server: Server, token: SpareToken, tmp_path: Path) -> None:
    """The label was wrong, not the PIN."""
    right = SpareToken.make(tmp_path / "right", "right")
    token.write_pin(right.pin)
    store(own_server, "create", "hsm2", *token.options())
    assert "INVALID_CREDENTIALS" in store(own_server, "connect", "hsm2", code=4)
    store(own_server, "disconnect", "hsm2")
    store(own_server, "update", "hsm2", *right.options(pin=False))
    store(own_server, "connect", "hsm2")
    store(own_server, "disconnect", "hsm2")
    store(own_server, "update", "hsm2", *token.options(pin=False))
    assert "INVALID_CREDENTIALS" in store(own_server, "connect", "hsm2", code=4)
    store(own_server, "disconnect", "hsm2")
    store(own_server, "delete", "hsm2")
    assert list(own_server.directory.glob("*.pin-refused")) == []
    store(own_server, "create", "hsm2", *right.options(pin=False), "--pin-file", token.pin_file)
    store(own_server, "connect", "hsm2")


def test_tokens_of_one_label_are_told_apart(own_server: Server, token: SpareToken, tmp_path: Path) -> None:
    other = SpareToken.make(tmp_path / "other", token.label)
    (found,) = (other.directory / "tokens").iterdir()
    found.rename(token.directory / "tokens" / found.name)
    store(own_server, "create", "hsm2", *token.options(), "--token-serial", "0123")
    said = store(own_server, "connect", "hsm2", code=4)
    assert "one that is not initialised" in said
    serials = re.findall(r"'two' \(serial (\w+)\)", said)
    assert len(set(serials)) == 2
    store(own_server, "disconnect", "hsm2")
    store(own_server, "update", "hsm2", "--token-serial", "")
    said = store(own_server, "connect", "hsm2", code=4)
    assert "TOKEN_AMBIGUOUS" in said
    assert all(serial in said for serial in serials)
