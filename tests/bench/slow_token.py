"""A token that takes 5 ms a call: what threads make of it, and what clients of another key store notice.

    python -m tests.bench.slow_token [--delay 0.005] [--seconds 4]

One worker with two key stores: the SoftHSM2 of kmipd.toml, and a second one whose library waits before every call.
"""

from __future__ import annotations

import argparse
import multiprocessing
import multiprocessing.connection
import tempfile
from pathlib import Path

from kmipd.load import measure
from kmipd.load.client import Target
from kmipd.spec.versions import V1_4
from tests.support.commands import store
from tests.support.server import Identity, Server
from tests.support.tokens import SpareToken
from tests.tokens.faults import Faults, build

CLIENTS = (1, 2, 4, 8, 16, 32)
OTHERS = 2  # clients of the fast store


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--delay", type=float, default=0.005, help="seconds before every call")
    parser.add_argument("--seconds", type=float, default=4.0, help="for each cell")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="kmipd-slow-") as folder:
        _measure(Path(folder), options.delay, options.seconds)


def _measure(folder: Path, delay: float, seconds: float) -> None:
    token = SpareToken.make(folder / "hsm2", "slow")
    faults = Faults(build(folder), token.directory / "libsofthsm2.so", token.directory)
    server = Server.make(folder / "kmipd").configure("groups.slow", store="slow").configure("limits", drain_idle=0.2)
    server.start(workers=1, KMIPD_LOG_LEVEL="warning")
    try:
        store(server, "create", "slow", "--module", faults.module, *token.options()[2:])
        store(server, "connect", "slow")
        slow, fast = (_target(server, server.enrol(group=group)) for group in ("slow", "fast"))
        alone = measure.run(fast, "get", OTHERS, seconds)
        faults.slow("*", delay)
        print("| clients of the slow store | their Gets a second | p50 ms | p99 ms | the others' p50 ms | p99 ms |")
        print("| ---: " * 6 + "|")
        print(f"| 0 | | | | {alone.p50 / 1e3:.2f} | {alone.p99 / 1e3:.2f} |")
        for clients in CLIENTS:
            _row(slow, fast, clients, seconds)
    finally:
        server.kill()


def _row(slow: Target, fast: Target, clients: int, seconds: float) -> None:
    """The slow store's clients are a process of their own, so that they do not disturb the measurement."""
    context = multiprocessing.get_context("spawn")
    reader, writer = context.Pipe(duplex=False)
    load = context.Process(target=_load, args=(slow, clients, seconds + 2, writer))
    load.start()
    reader.recv()  # it has begun
    others = measure.run(fast, "get", OTHERS, seconds)
    mine = reader.recv()
    load.join()
    print(
        f"| {clients} | {mine.rate:,.0f} | {mine.p50 / 1e3:.1f} | {mine.p99 / 1e3:.1f} "
        f"| {others.p50 / 1e3:.2f} | {others.p99 / 1e3:.2f} |",
        flush=True,
    )


def _load(target: Target, clients: int, seconds: float, writer: multiprocessing.connection.Connection) -> None:
    measure.run(target, "get", clients, 1.0)  # as many threads and sessions as it takes
    writer.send(True)
    writer.send(measure.run(target, "get", clients, seconds))


def _target(server: Server, identity: Identity) -> Target:
    return Target(
        host=server.host,
        port=server.port,
        certificate=identity.certificate,
        key=identity.key,
        ca=identity.ca,
        version=V1_4,
    )


if __name__ == "__main__":
    main()
