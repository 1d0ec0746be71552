"""Repeat requests over N connections from one thread, and count. One thread, so that the client disturbs least."""

from __future__ import annotations

import selectors
import ssl
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

from kmipd.load.client import Client, LoadError, Target, payload_of
from kmipd.load.scenarios import SCENARIOS

READ_SIZE = 16_384  # one TLS record
CHECK_EVERY = 1_000  # answers, of which one is read: that they are still successes
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


class _Line:
    """One connection with one request under way. Answers are cut by their length alone: the client must stay cheap."""

    __slots__ = ("client", "held", "message", "sent", "whole")

    def __init__(self, client: Client, message: bytes) -> None:
        self.client = client
        self.message = client.framing.ask(message)
        self.whole = client.framing.whole
        self.held = b""
        self.sent = 0.0

    def send(self) -> None:
        self.sent = time.perf_counter()
        self.client.sock.sendall(self.message)

    def take(self, times: list[float]) -> None:
        try:
            data = self.client.sock.recv(READ_SIZE)
        except ssl.SSLWantReadError:
            return
        if not data:
            raise LoadError("the server closed a connection under load")
        self.held = data = self.held + data if self.held else data
        if not self.whole(data):
            return
        times.append(time.perf_counter() - self.sent)
        self.held = b""
        if len(times) % CHECK_EVERY == 0:
            payload_of(self.client.message(data))
        self.send()


def _repeat(operation: str, clients: list[Client], messages: list[bytes], seconds: float) -> Result:
    lines = [_Line(c, m) for c, m in zip(clients, messages, strict=True)]
    for line in lines:
        line.send()
        payload_of(line.client.exchange_rest())  # the first answer of each is read and must be a success
    times: list[float] = []
    begin = time.perf_counter()
    if len(lines) == 1:
        _alone(lines[0], times, begin + seconds)
    else:
        _together(lines, times, begin + seconds)
    return _result(operation, len(lines), times, time.perf_counter() - begin)


def _alone(line: _Line, times: list[float], until: float) -> None:
    line.send()
    while time.perf_counter() < until:
        line.take(times)


def _together(lines: list[_Line], times: list[float], until: float) -> None:
    with selectors.DefaultSelector() as selector:
        for line in lines:
            line.client.sock.setblocking(False)
            selector.register(line.client.sock, selectors.EVENT_READ, line)
            line.send()
        while time.perf_counter() < until:
            events = selector.select(STALL_SECONDS)
            if not events:
                raise LoadError(f"no answer for {STALL_SECONDS:.0f} s")
            for key, _ in events:
                key.data.take(times)


def _result(operation: str, connections: int, times: list[float], seconds: float) -> Result:
    if not times:
        raise LoadError(f"not one answer in {seconds:.1f} s")
    percentiles = statistics.quantiles(times * 2, n=100)
    return Result(
        operation=operation,
        connections=connections,
        requests=len(times),
        seconds=seconds,
        p50=percentiles[49] * 1e6,
        p99=percentiles[98] * 1e6,
    )
