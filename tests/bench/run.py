"""`make bench`: kmipd beside PyKMIP's server, a TLS echo and the bare token, in one run. Ratios count, not absolutes.

python tests/bench/run.py [--seconds 5] [--large 100000] [--soak 1000000] [--json bench.json] [--dir DIR]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import ceilings
import servers
from rich.console import Console
from rich.table import Table
from tables import Row, make_table

from kmipd.load import measure
from kmipd.load.client import Client, request
from kmipd.load.scenarios import create_payload, locate_payload
from kmipd.spec import payloads as p
from kmipd.spec.enumerations import Operation, QueryFunction
from kmipd.spec.versions import V1_4

CONNECTIONS = (1, 4, 16)
OPERATIONS = ("get", "encrypt", "locate", "create")  # Create last: PyKMIP reads every object to locate one
ROUNDS = 3  # of making resident keys, in turns with the bare token
console = Console(width=130, highlight=False)


def main() -> None:
    options = _options()
    with tempfile.TemporaryDirectory(prefix="kmipd-bench-", dir=options.dir) as scratch:
        found = _all(Path(scratch), options)
    Path(options.json).write_text(json.dumps(found, indent=2) + "\n")
    console.print(f"written to {options.json}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=4.0, help="for each cell")
    parser.add_argument("--large", type=int, default=100_000, help="objects for the large Locate; 0 leaves it out")
    parser.add_argument("--soak", type=int, default=0, help="requests for the memory test; 0 leaves it out")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--json", default="bench.json")
    parser.add_argument("--dir", default=None, help="where tokens and databases go; a disk, unless it says otherwise")
    return parser.parse_args()


def _all(scratch: Path, options: argparse.Namespace) -> dict[str, Any]:
    ours = scratch / "kmipd"
    port, other_port = servers.free_port(), servers.free_port()
    with servers.our_server(ours, port, options.workers) as server:
        resident, wrapped = (servers.target(port, ours / name) for name in ("resident", "wrapped"))
        servers.kmipd("client", "add", "127.0.0.1", "--dir", str(ours), "--out", str(ours / "peer"), "--key-type", "ec")
        with servers.pykmip_server(scratch / "pykmip", other_port, _server_identity(ours)) as peer:
            other = servers.target(other_port, ours / "resident")
            rows = _compare(options.seconds, server, peer, resident, wrapped, other)
        created = _resident_create(ours, resident, options.seconds)
        ceiling = ceilings.measure_all(ours, options.seconds)
        least = ceilings.least(ours, options.seconds)
        console.print(make_table(rows))
        console.print(_ceiling_table(rows, ceiling, created))
        console.print(_least_table(rows, least))
        found: dict[str, Any] = {
            "rows": [row.as_dict() for row in rows],
            "ceilings": ceiling,
            "least": least,
            "resident_create": created,
        }
        if options.large:
            found["locate"] = _large(wrapped, options)
        if options.soak:
            found["soak"] = _soak(server, wrapped, options.soak)
    return found


def _server_identity(ours: Path) -> Path:
    """A server certificate for PyKMIP and the echo: ours, copied under the names the others use."""
    identity = ours / "tls" / "copy"
    identity.mkdir(exist_ok=True)
    for source, name in (("server.pem", "cert.pem"), ("server.key", "key.pem")):
        (identity / name).write_bytes((ours / "tls" / source).read_bytes())
    (identity / "ca.pem").write_bytes((ours / "authority" / "ca.pem").read_bytes())
    return identity


def _row(rows: list[Row], name: str, connections: int) -> Row:
    return next(r for r in rows if r.name == name and r.connections == connections)


def _resident_create(ours: Path, target: Any, seconds: float) -> dict[str, float]:
    """Ours and the bare token's, in turns: what a disk does for one second it may not do in the next."""
    mine, bare = [], []
    for _ in range(ROUNDS):
        bare.append(ceilings.generate_rate(ours, seconds))
        mine.append(measure.run(target, "create", 1, seconds).rate)
    rates = {"per_second": sum(mine) / ROUNDS, "bare_per_second": sum(bare) / ROUNDS}
    return rates | {"share": rates["per_second"] / rates["bare_per_second"]}


def _compare(
    seconds: float,
    server: subprocess.Popen[bytes],
    peer: subprocess.Popen[bytes],
    resident: Any,
    wrapped: Any,
    other: Any,
) -> list[Row]:
    rows = []
    for operation in OPERATIONS:
        for connections in CONNECTIONS:
            before = _timed("pykmip", operation, other, connections, seconds / 2, peer)
            found = []
            for placement, target in (("resident", resident), ("wrapped", wrapped)):
                if operation == "locate" and placement == "resident":
                    continue
                name = operation if operation == "locate" else f"{operation} {placement}"
                found.append(_timed(name, operation, target, connections, seconds, server))
            # Half of the peer's time before ours and half after it, since machines are not always equally fast.
            after = _timed("pykmip", operation, other, connections, seconds / 2, peer)
            for row in found:
                row.peer_rate = (before.rate + after.rate) / 2
                row.peer_cpu = (before.cpu * before.rate + after.cpu * after.rate) / (before.rate + after.rate)
                console.print(f"{row.name}, {connections}: {row.rate:,.0f}/s, PyKMIP {row.peer_rate:,.0f}/s")
            rows += found
    rows.append(_connects(seconds, server, wrapped, peer, other))
    return rows


def _timed(
    name: str, operation: str, target: Any, connections: int, seconds: float, process: subprocess.Popen[bytes]
) -> Row:
    before = servers.cpu_seconds(servers.family(process.pid))
    result = measure.run(target, operation, connections, seconds)
    used = servers.cpu_seconds(servers.family(process.pid)) - before
    return Row(name, connections, result.rate, result.p50, result.p99, used / result.requests * 1e6)


def _query(client: Client) -> object:
    payload = p.QueryRequestPayload(query_function=(QueryFunction.QUERY_SERVER_INFORMATION,))
    return client.call(Operation.QUERY, payload)


def _connects(
    seconds: float, server: subprocess.Popen[bytes], ours: Any, peer: subprocess.Popen[bytes], other: Any
) -> Row:
    results = []
    for target, process in ((other, peer), (ours, server)):
        before = servers.cpu_seconds(servers.family(process.pid))
        result = measure.connect(target, seconds, _query)
        used = servers.cpu_seconds(servers.family(process.pid)) - before
        results.append((result, used / result.requests * 1e6))
    (theirs, their_cpu), (mine, my_cpu) = results
    row = Row("connect+query", 1, mine.rate, mine.p50, mine.p99, my_cpu)
    row.peer_rate, row.peer_cpu = theirs.rate, their_cpu
    return row


def _ceiling_table(rows: list[Row], ceiling: dict[str, float], created: dict[str, float]) -> Table:
    table = Table(title="Ceilings: what no server of this kind can beat", title_justify="left", box=None)
    for column in ("what", "value"):
        table.add_column(column)
    echo, release, unseal = ceiling["echo_cpu_us"], ceiling["release_us"], ceiling["unseal_us"]
    table.add_row("TLS echo, server CPU per round trip", f"{echo:.0f} µs")
    table.add_row("bare token, release of a resident key", f"{release:.0f} µs")
    table.add_row("bare token, opening a wrapped key", f"{unseal:.0f} µs")
    table.add_row("bare C_GenerateKey", f"{created['bare_per_second']:,.0f}/s")
    for placement, token in (("resident", release), ("wrapped", unseal)):
        cpu = _row(rows, f"get {placement}", 1).cpu
        table.add_row(f"CPU per Get {placement} above both ceilings", f"{cpu - echo - token:.0f} µs (budget 150)")
    share = f"{created['share']:.0%} of it (budget 80 %)"
    table.add_row("Create resident, in turns with that", f"{created['per_second']:,.0f}/s, {share}")
    return table


def _least_table(rows: list[Row], least: dict[str, float]) -> Table:
    title = "The least a Python server can do (TLS, the token's call, one commit for Create, a log line), 1 connection"
    table = Table(title=title, title_justify="left", box=None)
    for column in ("operation", "the least", "of PyKMIP", "kmipd", "of the least"):
        table.add_column(column, justify="left" if column == "operation" else "right")
    for name, rate in least.items():
        if name == "echo":
            table.add_row("TLS echo", f"{rate:,.0f}/s")
            continue
        row = _row(rows, name, 1)
        ratio, share = f"{rate / row.peer_rate:.1f} x", f"{row.rate / rate:.0%}"
        table.add_row(name, f"{rate:,.0f}/s", ratio, f"{row.rate:,.0f}/s", share)
    return table


def _large(target: Any, options: argparse.Namespace) -> dict[str, float]:
    """Locate by Name among 1,000 objects and among many."""
    found = {}
    made = 0
    for size in (1_000, options.large):
        while made < size:
            made += _fill(target, made, min(size - made, 4_000))
            console.print(f"{made:,} objects")
        message = request(V1_4, (Operation.LOCATE, locate_payload(f"object-{size // 2}")))
        result = measure.repeat(target, "locate", message, 1, options.seconds)
        found[f"{size}"] = result.p50
    ratio = found[f"{options.large}"] / found["1000"]
    console.print(f"Locate by Name: p50 {found['1000']:.0f} µs among 1,000, {ratio:.2f} x that among {options.large:,}")
    return found | {"ratio": ratio}


def _fill(target: Any, start: int, count: int) -> int:
    """Named objects, 100 to a message."""
    client = Client(target)
    for first in range(start, start + count, 100):
        items = [
            (Operation.CREATE, create_payload(f"object-{n}")) for n in range(first, min(first + 100, start + count))
        ]
        client.sock.sendall(request(V1_4, *items))
        client.exchange_rest()
    client.close()
    return count


def _soak(server: subprocess.Popen[bytes], target: Any, requests: int) -> dict[str, Any]:
    """Memory of every process after each tenth of the requests."""
    workers = servers.family(server.pid)[1:]
    sizes = []
    done = 0
    while done < requests:
        result = measure.run(target, "get", 8, 20.0)
        done += result.requests
        sizes.append({"requests": done, "resident_kib": {str(w): servers.resident_kib(w) for w in workers}})
        console.print(f"{done:,} requests: {sizes[-1]['resident_kib']}")
    return {"requests": done, "sizes": sizes}


if __name__ == "__main__":
    main()
