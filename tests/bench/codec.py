"""Is reading requests and writing answers as fast as it was? Two commits, the same messages, turn by turn.

python tests/bench/codec.py COMMIT [--rounds 20] [--corpus ../shared/kmip]

Every message of the corpus that both can read: requests are read, answers written, as a server does. The two run in
processes of their own, one at a time, changing places after every round, so that a busy machine slows both. Printed are
the times of the fastest rounds and the median of the ratios: below 1 is faster than it was.
"""

from __future__ import annotations

import argparse
import os
import pickle
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).parents[2]


def main() -> None:
    if len(sys.argv) == 3 and sys.argv[1] == "--serve":
        serve(Path(sys.argv[2]))
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("commit")
    parser.add_argument("--rounds", type=int, default=20)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="kmipd-codec-") as scratch:
        earlier = Path(scratch) / "earlier"
        earlier.mkdir()
        archive = subprocess.run(
            ["git", "archive", options.commit, "kmipd"], cwd=_ROOT, check=True, capture_output=True
        )
        subprocess.run(["tar", "x"], cwd=earlier, check=True, input=archive.stdout)
        corpus = Path(scratch) / "corpus"
        corpus.write_bytes(pickle.dumps(_corpus()))
        compare(_Codec(earlier, corpus), _Codec(_ROOT, corpus), options.rounds)


def compare(before: _Codec, now: _Codec, rounds: int) -> None:
    common = before.readable & now.readable
    times: dict[str, tuple[list[float], list[float]]] = {what: ([], []) for what in ("read", "write")}
    for codec in (before, now):
        codec.take(common)
    for number in range(rounds):
        for side in (0, 1) if number % 2 else (1, 0):
            for what, (one, other) in times.items():
                (one, other)[side].append((before, now)[side].time(what))
    print(f"{len(common)} messages, {rounds} rounds")
    for what, (earlier, later) in times.items():
        ratio = statistics.median(b / a for a, b in zip(earlier, later, strict=True))
        print(f"{what:6} {min(earlier):6.2f} µs before, {min(later):6.2f} µs now, ratio {ratio:.3f}")
    both = [[r + w for r, w in zip(times["read"][s], times["write"][s], strict=True)] for s in (0, 1)]
    ratio = statistics.median(b / a for a, b in zip(*both, strict=True))
    print(f"both   {min(both[0]):6.2f} µs before, {min(both[1]):6.2f} µs now, ratio {ratio:.3f}")


class _Codec:
    """A process that reads and writes with the code of one checkout."""

    def __init__(self, checkout: Path, corpus: Path) -> None:
        command = [sys.executable, str(Path(__file__)), "--serve", str(corpus)]
        environment = {**os.environ, "PYTHONPATH": str(checkout)}
        self._process = subprocess.Popen(
            command, env=environment, cwd=checkout, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self.readable: set[int] = self._receive()

    def take(self, chosen: set[int]) -> None:
        self._send(chosen)

    def time(self, what: str) -> float:
        """Microseconds a message."""
        self._send(what)
        seconds: float = self._receive()
        return seconds * 1e6

    def _send(self, value: object) -> None:
        assert self._process.stdin is not None
        pickle.dump(value, self._process.stdin)
        self._process.stdin.flush()

    def _receive(self) -> Any:
        assert self._process.stdout is not None
        return pickle.load(self._process.stdout)


def serve(corpus: Path) -> None:
    """In the child: the names used here are the same in every version of the code."""
    from kmipd import protocol

    samples: list[bytes] = pickle.loads(corpus.read_bytes())
    readable = {number: work for number, data in enumerate(samples) if (work := _work(protocol, data)) is not None}
    out = sys.stdout.buffer
    pickle.dump(set(readable), out)
    out.flush()
    chosen = pickle.load(sys.stdin.buffer)
    lists = {
        what: [w for n, (kind, w) in readable.items() if kind == what and n in chosen] for what in ("read", "write")
    }
    while True:
        try:
            what = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        begin = time.perf_counter()
        for work in lists[what]:
            work()
        pickle.dump((time.perf_counter() - begin) / len(lists[what]), out)
        out.flush()


def _work(protocol: Any, data: bytes) -> tuple[str, Callable[[], object]] | None:
    """What is timed: reading a request, or writing an answer that was read; None where it is refused."""
    try:
        if data[2] == 0x78:
            protocol.read_request(data)
            return "read", lambda: protocol.read_request(data)
        message, version = protocol.read_response(data), protocol.peek_version(data)
        protocol.write_response(message, version)
        return "write", lambda: protocol.write_response(message, version)
    except protocol.ProtocolError:
        return None


def _corpus() -> list[bytes]:
    sys.path.insert(0, str(_ROOT))
    from tests.protocol.corpus import samples

    return [sample.data for sample in samples()]


if __name__ == "__main__":
    main()
