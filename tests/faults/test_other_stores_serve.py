"""One key store loses its token in three ways and gets it back; nobody gives a command, and the others never notice."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from kmipd.spec import payloads as p
from kmipd.spec.enumerations import CryptographicAlgorithm, ObjectType, Operation
from kmipd.spec.masks import CryptographicUsageMask
from kmipd.spec.tags import Tag
from kmipd.spec.versions import V2_1
from tests.faults.repeating import Repeating
from tests.support.asking import activate, create
from tests.support.client import Client, wanted
from tests.support.commands import store
from tests.support.server import Identity, Server
from tests.support.tokens import SpareToken
from tests.tokens.faults import Faults, eventually

AWAY = 1.5  # seconds that the token is away
CLIENT = Path("/usr/lib/x86_64-linux-gnu/pkcs11/p11-kit-client.so")


@pytest.fixture
def token(softhsm: Path, tmp_path: Path) -> SpareToken:
    return SpareToken.make(tmp_path / "hsm2", "two")


class Both:
    """A client of the store that suffers and one of the store of kmipd.toml, both asking all the time."""

    def __init__(self, server: Server, suffering: Identity, operation: Operation, payload: object) -> None:
        self.log = server.log
        well = server.enrol()
        with Client.connect(server, well) as client:
            get = p.GetRequestPayload(unique_identifier=create(client))
        self.suffering = Repeating(server, suffering, operation, payload)
        self.well = Repeating(server, well, Operation.GET, get)

    def await_more(self) -> None:
        """Both are answered."""
        before = self.suffering.done, self.well.done
        assert eventually(lambda: self.suffering.done > before[0] + 5 and self.well.done > before[1] + 5, 60)

    def stop(self, what: str) -> None:
        print(f"\n{what}\n  its clients: {self.suffering.stop()}\n  the others:  {self.well.stop()}")


def second_store(server: Server, token: SpareToken, *options: object) -> Identity:
    server.configure("groups.second", store="hsm2").start(workers=2)
    store(server, "create", "hsm2", *options)
    assert "CONNECTED" in store(server, "connect", "hsm2")
    return server.enrol(group="second")


def test_its_storage_is_pulled_away_and_put_back(own_server: Server, token: SpareToken) -> None:
    identity = second_store(own_server, token, *token.options())
    with Client.connect(own_server, identity, V2_1) as client:
        get = p.GetRequestPayload(unique_identifier=create(client))
    both = Both(own_server, identity, Operation.GET, get)
    both.await_more()
    token.vanish()
    with Client.connect(own_server, identity, V2_1) as client:  # a search shows that the token is sick
        assert eventually(lambda: client.refusal(Operation.CREATE, _secret_key()) is not None)
    assert eventually(lambda: bool(both.suffering.refused), 30)
    time.sleep(AWAY)
    token.come_back()
    both.await_more()
    both.stop("the storage was pulled away")
    assert both.well.refused == []
    assert both.well.ended == 0
    assert both.suffering.longest < 15
    assert "calls were refused meanwhile" in own_server.log.read_text()


def test_its_library_crashes(own_server: Server, token: SpareToken, fault_library: Path) -> None:
    faults = Faults(fault_library, token.directory / "libsofthsm2.so", token.directory)
    options = ["--module", faults.module, *token.options()[2:]]
    identity = second_store(own_server, token, *options)
    with Client.connect(own_server, identity, V2_1) as client:
        get = p.GetRequestPayload(unique_identifier=create(client))
    both = Both(own_server, identity, Operation.GET, get)
    both.await_more()
    faults.crash("C_WrapKey")
    assert eventually(lambda: faults.fired() == 1)
    both.await_more()
    both.stop("SIGSEGV in the library")
    assert both.suffering.refused == both.well.refused == [], "a connection is lost, no answer is wrong"
    assert both.well.ended <= 1, "only if it was served by the worker that died"
    assert "ended with -11" in own_server.log.read_text()


@pytest.fixture
def remote(token: SpareToken, tmp_path: Path) -> Iterator[Remote]:
    if shutil.which("p11-kit") is None or not CLIENT.is_file():
        pytest.skip("p11-kit is not here: apt-get install p11-kit p11-kit-modules")
    served = Remote(token, tmp_path / "p11-kit.socket")
    served.start()
    try:
        yield served
    finally:
        served.kill()


class Remote:
    """A token behind p11-kit's server: the one connection to a token that can be cut."""

    def __init__(self, token: SpareToken, socket: Path) -> None:
        self._token, self._socket = token, socket
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        library, configuration = self._token.options()[1], self._token.options()[3]
        command = ["p11-kit", "server", "--foreground", "--name", self._socket, "--provider", library, "pkcs11:"]
        self._process = subprocess.Popen(
            [str(word) for word in command],
            env=os.environ | {"SOFTHSM2_CONF": str(configuration)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        assert eventually(self._socket.exists)

    def kill(self) -> None:
        """With the processes that serve its connections."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(10)
            self._process = None
            self._socket.unlink(missing_ok=True)

    def options(self) -> list[object]:
        address = f"P11_KIT_SERVER_ADDRESS=unix:path={self._socket}"
        return ["--module", CLIENT, "--set", address, "--token-label", "two", "--pin-file", self._token.pin_file]


def test_its_connection_is_cut_and_comes_back(own_server: Server, token: SpareToken, remote: Remote) -> None:
    """p11-kit's client answers CKR_DEVICE_ERROR to everything from then on, until it is initialised anew."""
    identity = second_store(own_server, token, *remote.options())
    with Client.connect(own_server, identity, V2_1) as client:
        made = client.call(Operation.CREATE, _mac_key())
        activate(client, made.unique_identifier)
        mac = p.MACRequestPayload(unique_identifier=made.unique_identifier, data=b"text")
    both = Both(own_server, identity, Operation.MAC, mac)
    both.await_more()
    remote.kill()
    assert eventually(lambda: bool(both.suffering.refused), 30)
    time.sleep(AWAY)
    remote.start()
    both.await_more()
    both.stop("p11-kit's server was killed and started again")
    assert both.well.refused == []
    assert both.well.ended == 0
    assert both.suffering.longest < 15
    log = own_server.log.read_text()
    assert "CKR_DEVICE_ERROR" in log
    assert "calls were refused meanwhile" in log


def _secret_key() -> p.CreateRequestPayload:
    return p.CreateRequestPayload(object_type=ObjectType.SYMMETRIC_KEY, **wanted(V2_1, _aes()))


def _aes() -> list[tuple[Tag, object]]:
    return [
        (Tag.CRYPTOGRAPHIC_ALGORITHM, CryptographicAlgorithm.AES),
        (Tag.CRYPTOGRAPHIC_LENGTH, 256),
        (Tag.CRYPTOGRAPHIC_USAGE_MASK, CryptographicUsageMask.ENCRYPT),
    ]


def _mac_key() -> p.CreateRequestPayload:
    """p11-kit 0.24 carries HMACs and no key wrap: a key that stays in the token."""
    attributes = [
        (Tag.CRYPTOGRAPHIC_ALGORITHM, CryptographicAlgorithm.HMAC_SHA256),
        (Tag.CRYPTOGRAPHIC_LENGTH, 256),
        (Tag.CRYPTOGRAPHIC_USAGE_MASK, CryptographicUsageMask.MAC_GENERATE),
        (Tag.EXTRACTABLE, False),
    ]
    return p.CreateRequestPayload(object_type=ObjectType.SYMMETRIC_KEY, **wanted(V2_1, attributes))
