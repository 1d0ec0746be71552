"""Many clients at once, and workers that are killed under them."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import pytest

from kmipd.spec import payloads as p
from kmipd.spec.attributes import CryptographicParameters, RevocationReason
from kmipd.spec.enumerations import BlockCipherMode, Operation, PaddingMethod, RevocationReasonCode
from tests.support.asking import create
from tests.support.client import Client, Ended
from tests.support.effort import THOROUGH
from tests.support.server import Identity, Server

CLIENTS = 8
SECONDS = 60.0 if THOROUGH else 20.0
_CBC = CryptographicParameters(block_cipher_mode=BlockCipherMode.CBC, padding_method=PaddingMethod.PKCS5)
_OVER = RevocationReason(revocation_reason_code=RevocationReasonCode.CESSATION_OF_OPERATION)


def _life(client: Client, text: bytes) -> None:
    """A key is made, used and destroyed."""
    uid = create(client)
    client.call(Operation.ACTIVATE, p.ActivateRequestPayload(unique_identifier=uid))
    sealed = client.call(
        Operation.ENCRYPT,
        p.EncryptRequestPayload(
            unique_identifier=uid, cryptographic_parameters=_CBC, data=text, iv_counter_nonce=bytes(16)
        ),
    ).data
    opened = client.call(
        Operation.DECRYPT,
        p.DecryptRequestPayload(
            unique_identifier=uid, cryptographic_parameters=_CBC, data=sealed, iv_counter_nonce=bytes(16)
        ),
    ).data
    assert opened == text
    client.call(Operation.GET, p.GetRequestPayload(unique_identifier=uid))
    client.call(Operation.REVOKE, p.RevokeRequestPayload(unique_identifier=uid, revocation_reason=_OVER))
    client.call(Operation.DESTROY, p.DestroyRequestPayload(unique_identifier=uid))


@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.xdist_group("load")
def test_eight_clients_for_a_minute(tmp_path: Path) -> None:
    """No error at all: every client makes, uses and destroys keys, half of them resident, half wrapped."""
    server = Server.make(tmp_path / "kmipd").configure("groups.wrapped", placement="wrapped")
    server.configure("limits", drain_idle=0.2).start(workers=2)
    identities = [server.enrol(group="wrapped" if n % 2 else f"resident-{n}") for n in range(CLIENTS)]
    until = time.monotonic() + SECONDS
    lives, errors = [0] * CLIENTS, []

    def work(number: int, identity: Identity) -> None:
        try:
            with Client.connect(server, identity) as client:
                while time.monotonic() < until:
                    _life(client, b"client %d, life %d" % (number, lives[number]))
                    lives[number] += 1
        except Exception as error:
            errors.append(f"client {number} after {lives[number]} lives: {error!r}")

    threads = [threading.Thread(target=work, args=(n, i)) for n, i in enumerate(identities)]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(SECONDS + 60)
        assert errors == []
        assert min(lives) > 0
        print(f"{sum(lives)} keys lived in {SECONDS:.0f} s")
    finally:
        server.kill()
    assert "ERROR" not in server.log.read_text()


@pytest.mark.timeout(120)
def test_workers_are_killed_under_load(tmp_path: Path) -> None:
    """What was acknowledged is there after kill -9 of workers and at last of the supervisor, and a restart."""
    server = Server.make(tmp_path / "kmipd").configure("limits", drain_idle=0.2).start(workers=2)
    identities = [server.enrol(group="arrays") for _ in range(4)]
    stop = threading.Event()
    made: list[str] = []
    gone: list[str] = []

    def work(identity: Identity) -> None:
        while not stop.is_set():
            try:
                with Client.connect(server, identity) as client:
                    while not stop.is_set():
                        made.append(create(client))
                        uid = create(client)
                        client.call(Operation.DESTROY, p.DestroyRequestPayload(unique_identifier=uid))
                        gone.append(uid)
            except (OSError, Ended):
                time.sleep(0.05)

    threads = [threading.Thread(target=work, args=(i,)) for i in identities]
    for thread in threads:
        thread.start()
    try:
        for _ in range(6):
            time.sleep(1.0)
            for worker in server.workers()[:1]:
                os.kill(worker, signal.SIGKILL)
        time.sleep(1.0)
    finally:
        stop.set()
        for thread in threads:
            thread.join(30)
        server.kill()
    assert len(made) > 10
    server.start(workers=1)
    try:
        with Client.connect(server, identities[0]) as client:
            for uid in made:
                client.call(Operation.GET, p.GetRequestPayload(unique_identifier=uid))
            for uid in gone:
                assert client.refusal(Operation.GET, p.GetRequestPayload(unique_identifier=uid)) is not None
    finally:
        server.kill()
