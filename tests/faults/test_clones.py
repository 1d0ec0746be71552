"""A member of a group dies under load and comes back: requests go on, and in the end all keys are equal."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from kmipd.spec import payloads as p
from kmipd.spec.enumerations import Operation
from tests.support.asking import create
from tests.support.client import Client, Refused
from tests.support.clones import Clones
from tests.support.commands import described, store
from tests.support.server import Identity, Server

CLIENTS = 4


@dataclass
class Worker:
    """A client that makes, reads and destroys keys until it is told to stop; it remembers what it was promised."""

    server: Server
    identity: Identity
    kept: dict[str, bytes] = field(default_factory=dict)
    destroyed: list[str] = field(default_factory=list)
    done: int = 0
    refused: int = 0
    wrong: list[str] = field(default_factory=list)

    def run(self, stop: threading.Event) -> None:
        client = Client.connect(self.server, self.identity)
        while not stop.is_set():
            try:
                self._round(client)
                self.done += 1
            except Refused:
                self.refused += 1
                time.sleep(0.05)
        client.close()

    def _round(self, client: Client) -> None:
        uid = create(client)
        self.kept[uid] = b""
        self.kept[uid] = material(client, uid)
        oldest = next(iter(self.kept))
        if self.kept[oldest] and material(client, oldest) != self.kept[oldest]:
            self.wrong.append(oldest)
        if len(self.kept) > 8:
            client.call(Operation.DESTROY, p.DestroyRequestPayload(unique_identifier=oldest))
            self.destroyed.append(oldest)
            del self.kept[oldest]


def material(client: Client, uid: str) -> bytes:
    got = client.call(Operation.GET, p.GetRequestPayload(unique_identifier=uid))
    return bytes(got.managed_object.key_block.key_value.key_material)


def until(condition: Callable[[], bool], seconds: float = 60.0) -> None:

    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.1)


@pytest.mark.slow
@pytest.mark.parametrize("dying", ["first", "second"])
def test_a_member_dies_under_load_and_comes_back(own_server: Server, tmp_path: Path, dying: str) -> None:
    own_server.configure("groups.resident", store="ha")
    own_server.configure("groups.sealed", store="ha", placement="wrapped")
    clones = Clones.make(own_server, tmp_path, "--replication", "deferred")
    own_server.start(workers=2)
    store(own_server, "connect", "ha")
    stop = threading.Event()
    workers = [
        Worker(own_server, own_server.enrol(group="sealed" if number == 0 else "resident")) for number in range(CLIENTS)
    ]
    threads = [threading.Thread(target=worker.run, args=(stop,)) for worker in workers]
    for thread in threads:
        thread.start()
    until(lambda: all(worker.done > 3 for worker in workers))
    token = getattr(clones, dying)
    token.vanish()
    until(lambda: described(own_server, "ha")["members"][["first", "second"].index(dying)]["to_catch_up"] > 3)
    before = [worker.done for worker in workers]
    until(lambda: all(worker.done > count + 3 for worker, count in zip(workers, before, strict=True)))
    assert described(own_server, "ha")["health"] == "UP", "one member is enough"
    token.come_back()
    until(lambda: not any(member["to_catch_up"] for member in described(own_server, "ha")["members"]), 90)
    stop.set()
    for thread in threads:
        thread.join()
    until(lambda: not any(member["to_catch_up"] for member in described(own_server, "ha")["members"]))
    _everything_is_as_promised(clones, workers)
    print(f"{dying}: {sum(w.done for w in workers)} rounds, {sum(w.refused for w in workers)} requests refused")


def _everything_is_as_promised(clones: Clones, workers: list[Worker]) -> None:
    assert [worker.wrong for worker in workers] == [[]] * CLIENTS
    compared = clones.compared()
    assert {key: values for key, values in compared.items() if len(values) != 1} == {}, "all keys are equal on both"
    assert clones.resident() <= set(compared), "no key is missing"
    for worker in workers:
        client = Client.connect(clones.server, worker.identity)
        for uid, expected in worker.kept.items():
            assert not expected or material(client, uid) == expected
        for uid in worker.destroyed:
            with pytest.raises(Refused):
                material(client, uid)
        client.close()
    assert "accounted for" in store(clones.server, "orphans", "--store", "ha")
