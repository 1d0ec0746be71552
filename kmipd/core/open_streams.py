"""The unfinished streams of a worker process, bounded in number, bytes and time. Data only, never key material."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from kmipd.core.errors import KmipError
from kmipd.spec.enumerations import Operation, ResultReason

STREAM_SIZE_MAX = 16 * 1024 * 1024  # bytes a stream may hold back: a signature needs all of them
HELD_MAX = 64 * 1024 * 1024  # bytes of all streams of a worker: beside this its memory is small
STREAMS_MAX = 256  # of a worker
STREAMS_PER_CLIENT_MAX = 16  # so that one client cannot take all of them
IDLE_SECONDS = 120  # between two parts; clients send them one after the other


@dataclass(frozen=True, slots=True)
class Stream:
    """What one part leaves for the next."""

    operation: Operation
    client: tuple[str, str]  # group and name of the principal: nobody else goes on with it
    uid: str  # of the key; empty for Hash
    state: Any = field(repr=False)  # the operation's own, immutable
    held: int  # bytes
    last_used: int


class Streams:
    """The unfinished streams of a worker. Single dictionary operations are all it relies on between threads."""

    def __init__(self) -> None:
        self.home = b""  # which worker, once it has a stream
        self.open: dict[bytes, Stream] = {}

    def expire(self, now: int) -> None:
        for value, stream in list(self.open.items()):
            if stream.last_used + IDLE_SECONDS < now:
                self.open.pop(value, None)

    def require_room(self, stream: Stream, *, first: bool) -> None:
        """Server Limit Exceeded when the worker holds as much as it may."""
        others = list(self.open.values())
        if stream.held > STREAM_SIZE_MAX:
            raise KmipError(ResultReason.SERVER_LIMIT_EXCEEDED, f"a stream may hold {STREAM_SIZE_MAX} bytes here")
        if first and len(others) >= STREAMS_MAX:
            raise KmipError(ResultReason.SERVER_LIMIT_EXCEEDED, "too many streams are open; try again later")
        if first and sum(other.client == stream.client for other in others) >= STREAMS_PER_CLIENT_MAX:
            raise KmipError(
                ResultReason.SERVER_LIMIT_EXCEEDED,
                f"{STREAMS_PER_CLIENT_MAX} streams of this client are open: finish one, or wait {IDLE_SECONDS} seconds",
            )
        if stream.held + sum(other.held for other in others) > HELD_MAX:
            raise KmipError(ResultReason.SERVER_LIMIT_EXCEEDED, "the open streams hold too much; try again later")
