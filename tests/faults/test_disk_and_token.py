"""The disk is full; the token goes away and comes back. The answers are clear, and service resumes by itself."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

from kmipd.spec import payloads as p
from kmipd.spec.enumerations import Operation, ResultReason
from tests.support.asking import aes, create, create_request
from tests.support.client import Client, Refused
from tests.support.server import Server
from tests.tokens.faults import eventually

ROOT = Path(__file__).parent.parent.parent


def test_the_token_goes_away_and_comes_back(own_server: Server) -> None:
    """No restart, no command: requests fail in bounded time with a reason, then work again; nothing is lost."""
    own_server.configure("groups.wrapped", placement="wrapped").start(workers=1)
    clients = [Client.connect(own_server, own_server.enrol(group=g)) for g in ("resident", "wrapped")]
    uids = [create(client) for client in clients]
    gets = [p.GetRequestPayload(unique_identifier=uid) for uid in uids]
    before = [client.call(Operation.GET, get) for client, get in zip(clients, gets, strict=True)]
    tokens = own_server.directory / "softhsm2" / "tokens"
    tokens.rename(tokens.with_name("away"))
    tokens.mkdir(mode=0o700)
    for client, get in zip(clients, gets, strict=True):
        begun = time.monotonic()
        assert client.refusal(Operation.GET, get) is ResultReason.GENERAL_FAILURE
        assert time.monotonic() - begun < 15
    tokens.rmdir()
    tokens.with_name("away").rename(tokens)
    until = time.monotonic() + 30
    while time.monotonic() < until:
        try:
            after = [client.call(Operation.GET, get) for client, get in zip(clients, gets, strict=True)]
            break
        except Refused:
            time.sleep(0.2)
    assert after == before
    assert create(clients[0])
    for client in clients:
        client.close()


def test_a_worker_out_of_file_descriptors_recovers_when_there_are_some(own_server: Server) -> None:
    """SoftHSM2 then finds nothing and says that all is well; it goes on so until it is initialised anew."""
    own_server.start(workers=1)
    with Client.connect(own_server, own_server.enrol()) as client:
        uid = create(client)
        get = p.GetRequestPayload(unique_identifier=uid)
        before = client.call(Operation.GET, get)
        (worker,) = own_server.workers()
        soft, hard = resource.prlimit(worker, resource.RLIMIT_NOFILE)
        resource.prlimit(worker, resource.RLIMIT_NOFILE, (3, hard))
        refused = [client.refusal(Operation.CREATE, create_request(client.version, aes())) for _ in range(3)]
        assert set(refused) == {ResultReason.GENERAL_FAILURE}
        resource.prlimit(worker, resource.RLIMIT_NOFILE, (soft, hard))
        assert eventually(lambda: client.refusal(Operation.GET, get) is None, 30)
        assert client.call(Operation.GET, get) == before
        assert create(client)
        assert own_server.workers() == [worker], "without a new process"


_FULL = """
import json, resource, signal, sys
from pathlib import Path
from tests.faults.crasher import RESIDENT, WRAPPED, Asker
from kmipd import app, config
from kmipd.spec import payloads as p
from kmipd.spec.enumerations import Operation
from kmipd.spec.versions import V1_4
from tests.support.asking import aes, create_request
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
application = app.compose(config.load(Path(sys.argv[1]), {}))
application.store.connect()
asker = Asker(application, 2)
make = create_request(V1_4, aes())
first = asker.ask(WRAPPED, Operation.CREATE, make).unique_identifier
def outcome(caller, operation, payload):
    try:
        asker.ask(caller, operation, payload)
        return "done"
    except AssertionError as error:
        return str(error)
get = p.GetRequestPayload(unique_identifier=first)
asker.ask(WRAPPED, Operation.GET, get)
audit = application.settings.audit_log
audit.write_text(audit.read_text() + " " * 8192)
soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
full = [outcome(WRAPPED, Operation.CREATE, make), outcome(RESIDENT, Operation.CREATE, make)]
full.append(outcome(WRAPPED, Operation.GET, get))  # not without a line in the audit log
resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
after = [outcome(WRAPPED, Operation.GET, get), outcome(WRAPPED, Operation.CREATE, make)]
print(json.dumps({"full": full, "after": after}))
application.close()
"""


def test_a_full_disk_is_said_and_loses_nothing(own_server: Server) -> None:
    own_server.configure("groups.wrapped", placement="wrapped")
    done = subprocess.run(
        [sys.executable, "-c", _FULL, str(own_server.directory)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert all("the registry is not available now" in text for text in said["full"]), said
    assert said["after"] == ["done", "done"]


def test_workers_end_with_their_supervisor(own_server: Server) -> None:
    """A daemon that is killed outright leaves no process behind: the workers watch the supervisor's lifeline."""
    own_server.start(workers=2)
    workers = own_server.workers()
    os.kill(own_server.pid, signal.SIGKILL)
    until = time.monotonic() + 10
    while time.monotonic() < until and any(Path(f"/proc/{w}").exists() for w in workers):
        time.sleep(0.05)
    assert not any(Path(f"/proc/{w}").exists() for w in workers)
    own_server.kill()


def test_a_worker_that_starts_while_the_token_is_away_serves_when_it_is_back(own_server: Server) -> None:
    own_server.start(workers=1)
    identity = own_server.enrol()
    tokens = own_server.directory / "softhsm2" / "tokens"
    tokens.rename(tokens.with_name("away"))
    tokens.mkdir(mode=0o700)
    (worker,) = own_server.workers()
    os.kill(worker, signal.SIGKILL)
    until = time.monotonic() + 20
    while time.monotonic() < until and own_server.workers() in ([], [worker]):
        time.sleep(0.1)
    with Client.connect(own_server, identity) as client:
        listed = client.call(Operation.LOCATE, p.LocateRequestPayload())  # needs no token
        assert listed.unique_identifier == ()
        tokens.rmdir()
        tokens.with_name("away").rename(tokens)
        while time.monotonic() < until + 40:
            try:
                assert create(client)
                return
            except Refused:
                time.sleep(0.2)
    raise AssertionError("the worker never found its token again")
