"""`kmipd store`: key stores are connected and disconnected while the server runs, and every worker follows."""

from __future__ import annotations

import fcntl
import json
import os
import re
import signal
import threading
import time
from pathlib import Path

from kmipd import app, config
from kmipd.spec import payloads as p
from kmipd.spec.enumerations import Operation, ResultReason
from kmipd.spec.versions import V2_1
from kmipd_pkcs11.provision import provision_softhsm
from tests.support.asking import aes, create, create_request
from tests.support.client import Client
from tests.support.commands import described, invoke, store, until_health
from tests.support.server import Server
from tests.support.tokens import SpareToken


def test_a_second_store_comes_and_goes_while_the_server_runs(own_server: Server, token: SpareToken) -> None:
    own_server.configure("groups.second", store="hsm2").start(workers=2)
    group, mine = own_server.enrol(group="second"), own_server.enrol()
    # One connection a worker would be luck; several meet both.
    clients = [Client.connect(own_server, group, V2_1) for _ in range(4)]
    other = Client.connect(own_server, mine)
    kept = create(other)
    assert clients[0].refusal(Operation.CREATE, _aes()) is ResultReason.PROTECTION_STORAGE_UNAVAILABLE

    store(own_server, "create", "hsm2", *token.options())
    assert described(own_server, "hsm2")["state"] == "DISCONNECTED"
    assert "CONNECTED, health UP" in store(own_server, "connect", "hsm2")
    uid = create(clients[0])
    get = p.GetRequestPayload(unique_identifier=uid)
    before = [client.call(Operation.GET, get) for client in clients]
    shown = json.loads(invoke("key", "show", uid, "--dir", own_server.directory, "--json"))
    assert shown["store"] == "hsm2"

    assert "hsm2: DISCONNECTED" in store(own_server, "disconnect", "hsm2")
    for client in clients:
        assert client.refusal(Operation.GET, get) is ResultReason.PROTECTION_STORAGE_UNAVAILABLE
    attributes = clients[0].call(Operation.GET_ATTRIBUTES, p.GetAttributesRequestPayload(unique_identifier=uid))
    assert attributes, "what is known of a key does not depend on its store"
    assert other.call(Operation.GET, p.GetRequestPayload(unique_identifier=kept))
    unavailable = json.loads(invoke("key", "show", uid, "--dir", own_server.directory, "--json"))
    assert (unavailable["state"], unavailable["available"], shown["available"]) == (shown["state"], False, True)
    assert "(unavailable)" in invoke("key", "list", "--dir", own_server.directory)
    assert "still has 1 keys" in store(own_server, "delete", "hsm2", code=1)

    store(own_server, "connect", "hsm2")
    assert [client.call(Operation.GET, get) for client in clients] == before
    clients[0].call(Operation.DESTROY, p.DestroyRequestPayload(unique_identifier=uid))
    assert "disconnect it first" in store(own_server, "delete", "hsm2", code=1)
    store(own_server, "disconnect", "hsm2")
    store(own_server, "delete", "hsm2")
    assert clients[0].refusal(Operation.CREATE, _aes()) is ResultReason.PROTECTION_STORAGE_UNAVAILABLE
    for client in (*clients, other):
        client.close()


def _aes() -> p.CreateRequestPayload:
    return create_request(V2_1, aes())


def test_a_server_that_is_ready_knows_the_health_of_its_stores(own_server: Server) -> None:
    """Also where the first look is late: here a predecessor still holds what the worker writes its view to."""
    (own_server.directory / "run").mkdir(mode=0o700, exist_ok=True)
    with (own_server.directory / "run" / "worker-0.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        timer = threading.Timer(3.0, lambda: fcntl.flock(held, fcntl.LOCK_UN))
        timer.start()
        own_server.start(workers=1)
        health = described(own_server, "main")["health"]
        timer.join()
    assert health == "UP"


def test_a_rotated_pin_is_known_to_the_server_only(own_server: Server, token: SpareToken) -> None:
    own_server.configure("groups.second", store="hsm2").start(workers=1)
    store(own_server, "create", "hsm2", *token.options(), "--rotate-pin")
    store(own_server, "connect", "hsm2")
    client = Client.connect(own_server, own_server.enrol(group="second"))
    uid = create(client)
    client.close()
    token.pin_file.unlink()  # it is not the PIN any more, and not asked for
    os.kill(own_server.workers()[0], signal.SIGKILL)
    until_health(own_server, "hsm2", "UP")
    client = Client.connect(own_server, own_server.enrol(group="second"))
    assert client.call(Operation.GET, p.GetRequestPayload(unique_identifier=uid))
    client.close()
    store(own_server, "disconnect", "hsm2")
    store(own_server, "connect", "hsm2")
    assert described(own_server, "hsm2")["members"][0]["pin_rotated"]
    assert _places_with(own_server, _rotated_pin(own_server)) == []
    token.write_pin(token.pin)
    store(own_server, "disconnect", "hsm2")
    store(own_server, "update", "hsm2", "--pin-file", token.pin_file, "--keep-pin")
    assert "INVALID_CREDENTIALS" in store(own_server, "connect", "hsm2", code=4), "the file's PIN counts again"


def _rotated_pin(server: Server) -> bytes:
    application = app.compose(config.load(server.directory, {}))
    try:
        return application.opener._credentials.current("hsm2", "first").encode()
    finally:
        application.close()


def _places_with(server: Server, secret: bytes) -> list[str]:
    """Files of the server, its log, and what is to be seen of its processes, if the secret is in them."""
    places = [path for path in (*server.directory.rglob("*"), server.log) if path.is_file()]
    for process in (server.pid, *server.workers()):
        places += [Path(f"/proc/{process}/{name}") for name in ("cmdline", "environ")]
    return [str(path) for path in places if secret in path.read_bytes()]


def test_a_worker_that_dies_while_it_connects_a_store_is_no_obstacle(own_server: Server, token: SpareToken) -> None:
    own_server.start(workers=2)
    slow = f"sh -c 'sleep 2; cat {token.pin_file}'"
    store(own_server, "create", "hsm2", *token.options(pin=False), "--pin-command", slow)
    assert "CONNECTING" in store(own_server, "connect", "hsm2", "--no-wait")
    for worker in own_server.workers():
        os.kill(worker, signal.SIGKILL)
    until_health(own_server, "hsm2", "UP")


def test_two_tokens_of_one_module(own_server: Server) -> None:
    """As of one HSM with two partitions. The PIN of one is opened by the other, through the same library."""
    section = config.load(own_server.directory, {}).store
    folder = own_server.directory / "softhsm2"
    provision_softhsm(folder, "two", "first-pin", "security-officer", module=section.module)
    pin = own_server.directory.parent / "two.pin"
    pin.touch(mode=0o600)
    pin.write_text("first-pin\n")
    own_server.configure("groups.second", store="hsm2").start(workers=1)
    where = ("--module", section.module, "--softhsm2-conf", section.softhsm2_conf, "--token-label", "two")
    store(own_server, "create", "hsm2", *where, "--pin-file", pin, "--rotate-pin")
    assert "health UP" in store(own_server, "connect", "hsm2")
    assert described(own_server, "hsm2")["members"][0]["pin_rotated"]
    clients = [Client.connect(own_server, own_server.enrol(group=group)) for group in ("second", "first")]
    gets = [p.GetRequestPayload(unique_identifier=create(client)) for client in clients]
    store(own_server, "disconnect", "hsm2")
    assert clients[1].call(Operation.GET, gets[1])
    store(own_server, "connect", "hsm2")
    for client, get in zip(clients, gets, strict=True):
        assert client.call(Operation.GET, get)
        client.close()


def test_without_a_server_the_commands_do_it_themselves(own_server: Server, token: SpareToken) -> None:
    store(own_server, "create", "hsm2", *token.options())
    again = store(own_server, "create", "hsm2", *token.options())
    assert "DISCONNECTED" in again, "the same description again is no error"
    other = [*token.options(), "--rotate-pin"]
    assert "already" in store(own_server, "create", "hsm2", *other, code=1)
    assert "hsm2: CONNECTED" in store(own_server, "connect", "hsm2")
    assert "in use" in store(own_server, "create", "hsm2", *token.options(), code=1)
    store(own_server, "disconnect", "hsm2")
    assert "DISCONNECTED" in store(own_server, "create", "hsm2", *token.options()), "nor after it was connected"
    store(own_server, "connect", "hsm2")
    own_server.start(workers=1)
    until_health(own_server, "hsm2", "UP")
    listed = json.loads(store(own_server, "list", "--json"))
    assert [(one["name"], one["state"], one["health"]) for one in listed] == [
        ("main", "CONNECTED", "UP"),
        ("hsm2", "CONNECTED", "UP"),
    ]


def test_the_root_store_can_be_disconnected_too(own_server: Server) -> None:
    own_server.start(workers=2)
    client = Client.connect(own_server, own_server.enrol(), V2_1)
    get = p.GetRequestPayload(unique_identifier=create(client))
    store(own_server, "disconnect", "main")
    assert client.refusal(Operation.GET, get) is ResultReason.PROTECTION_STORAGE_UNAVAILABLE
    store(own_server, "connect", "main")
    assert client.call(Operation.GET, get)
    client.close()
    assert "root store" in store(own_server, "delete", "main", code=1)


def test_a_store_without_keys_may_be_given_another_token(own_server: Server, token: SpareToken, tmp_path: Path) -> None:
    own_server.configure("groups.second", store="hsm2").start(workers=1)
    other = SpareToken.make(tmp_path / "other", "three")
    store(own_server, "create", "hsm2", *token.options())
    store(own_server, "connect", "hsm2")
    store(own_server, "disconnect", "hsm2")
    store(own_server, "update", "hsm2", *other.options())
    assert "health UP" in store(own_server, "connect", "hsm2")
    client = Client.connect(own_server, own_server.enrol(group="second"))
    create(client)
    client.close()
    store(own_server, "disconnect", "hsm2")
    store(own_server, "update", "hsm2", *token.options())
    assert "TOKEN_REPLACED" in store(own_server, "connect", "hsm2", code=4), "its key is in the other one"


def test_a_store_is_described_completely_and_in_words(own_server: Server, token: SpareToken) -> None:
    store(own_server, "create", "hsm2", *token.options(), "--reserved", "for C_Initialize", "--rotate-pin")
    assert described(own_server, "hsm2")["members"][0]["reserved"] == "for C_Initialize"
    rows = dict(
        re.split(r"  +", line.strip(), maxsplit=1) for line in store(own_server, "describe", "hsm2").splitlines()
    )
    assert (rows["rotate_pin"], rows["root"]) == ("yes", "no")
    assert rows["created"] == time.strftime("%Y-%m-%d", time.gmtime())
    assert rows["first: environment"].startswith("SOFTHSM2_CONF=/")
    assert rows["first: reserved"] == "for C_Initialize"


def test_names_and_options_are_checked(own_server: Server, token: SpareToken) -> None:
    assert "no name" in store(own_server, "create", "No/Name", *token.options(), code=1)
    assert "needed" in store(own_server, "create", "x", "--module", "/x.so", code=2)
    several = [*token.options(), "--pin-variable", "X"]
    assert "not several" in store(own_server, "create", "x", *several, code=2)
    unbalanced = [*token.options(pin=False), "--pin-command", "pass show 'hsm2"]
    assert "No closing quotation" in store(own_server, "create", "x", *unbalanced, code=2)
    assert "no key store 'x'" in store(own_server, "connect", "x", code=1)
    store(own_server, "create", "x", *token.options())
    assert "say what is to be changed" in store(own_server, "update", "x", "--member", "first", code=2)
