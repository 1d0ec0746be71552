"""Repeat requests over N connections from one thread, and count. One thread, so that the client disturbs least."""

from __future__ import annotations

import selectors
import ssl
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

from kmipd import protocol
from kmipd.load.client import Client, LoadError, Target, payload_of
from kmipd.load.scenarios import SCENARIOS

STALL_SECONDS = 60.0  # no answer on any connection for so long is a failure, not a measurement


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """Rates per second, times in microseconds."""

    operation: str
    connections: int
    requests: int
    seconds: float
    p50: float
    p99: float

    @property
    def rate(self) -> float:
        return self.requests / self.seconds


def run(target: Target, operation: str, connections: int, seconds: float) -> Result:
    """Load with one scenario of `SCENARIOS`; LoadError when the server refuses anything."""
    context = target.context()
    clients = [Client(target, context) for _ in range(connections)]
    try:
        messages = [SCENARIOS[operation](client, target.version) for client in clients]
        return _repeat(operation, clients, messages, seconds)
    finally:
        for client in clients:
            client.close()


def repeat(target: Target, operation: str, message: bytes, connections: int, seconds: float) -> Result:
    """Load with one given request, the same on every connection."""
    context = target.context()
    clients = [Client(target, context) for _ in range(connections)]
    try:
        return _repeat(operation, clients, [message] * connections, seconds)
    finally:
        for client in clients:
            client.close()


def connect(target: Target, seconds: float, probe: Callable[[Client], object]) -> Result:
    """Connections a second, each with a full handshake and one request."""
    context = target.context()
    times: list[float] = []
    begin = time.perf_counter()
    while (start := time.perf_counter()) - begin < seconds:
        client = Client(target, context)
        probe(client)
        client.close()
        times.append(time.perf_counter() - start)
    return _result("connect", 1, times, time.perf_counter() - begin)


@dataclass(slots=True)
class _Line:
    client: Client
    message: bytes
    framer: protocol.Framer
    sent: float = 0.0

    def send(self) -> None:
        self.sent = time.perf_counter()
        self.client.sock.sendall(self.message)


def _repeat(operation: str, clients: list[Client], messages: list[bytes], seconds: float) -> Result:
    lines = [_Line(c, m, protocol.Framer()) for c, m in zip(clients, messages, strict=True)]
    times: list[float] = []
    with selectors.DefaultSelector() as selector:
        for line in lines:
            line.send()
            payload_of(line.client.exchange_rest())  # the first answer of each is read and must be a success
            line.client.sock.setblocking(False)
            selector.register(line.client.sock, selectors.EVENT_READ, line)
        begin = time.perf_counter()
        for line in lines:
            line.send()
        while time.perf_counter() - begin < seconds:
            events = selector.select(STALL_SECONDS)
            if not events:
                raise LoadError(f"no answer for {STALL_SECONDS:.0f} s")
            for key, _ in events:
                _take(key.data, times)
        elapsed = time.perf_counter() - begin
    return _result(operation, len(lines), times, elapsed)


def _take(line: _Line, times: list[float]) -> None:
    try:
        data = line.client.sock.recv(65_536)
    except ssl.SSLWantReadError:
        return
    if not data:
        raise LoadError("the server closed a connection under load")
    line.framer.receive_data(data)
    answer = line.framer.next_message()
    if answer is not None:
        times.append(time.perf_counter() - line.sent)
        if len(times) % 1000 == 0:
            payload_of(answer)  # now and then, that answers are still successes
        line.send()


def _result(operation: str, connections: int, times: list[float], seconds: float) -> Result:
    if len(times) < 2:
        raise LoadError("fewer than two answers: nothing to measure")
    percentiles = statistics.quantiles(times, n=100)
    return Result(
        operation=operation,
        connections=connections,
        requests=len(times),
        seconds=seconds,
        p50=percentiles[49] * 1e6,
        p99=percentiles[98] * 1e6,
    )
