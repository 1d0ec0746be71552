"""Data in one piece, or in many (KMIP 1.4, 2.1.15 to 2.1.17; 2.1, 5.11): streamed cryptographic operations.

What is kept between two parts of a stream is plain data: parameters, and the bytes that no result has covered yet.
Never key material: every part finds the key again, checks state and mask and counts usage as any request does. A part
that fails, is undone, or runs again after a conflict finds the stream as it was before it.

A stream lives in the worker process that began it. A connection stays with one worker; a client that reconnects may
meet another one, and is told to begin again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from kmipd.core.errors import KmipError
from kmipd.core.open_streams import Stream, Streams
from kmipd.core.services import Context
from kmipd.spec.enumerations import DataEnum, Operation, ResultReason

DATA_SIZE_MAX = 16 * 1024 * 1024  # the message limit binds earlier; this one is for data that was decoded otherwise
_HOME_SIZE, _VALUE_SIZE = 8, 16  # bytes: which worker, and which part of which stream


@dataclass(frozen=True, slots=True)
class Part:
    """One request of an operation that may be streamed."""

    operation: Operation
    final: bool
    value: bytes = b""  # the Correlation Value it came with
    stream: Stream | None = None  # what went before; None for the first part

    @property
    def whole(self) -> bool:
        """The data in one piece: nothing went before, nothing comes after."""
        return self.final and self.stream is None

    @property
    def use(self) -> int:
        """Uses of the key to be counted: a stream is one, counted when it begins."""
        return 1 if self.stream is None else 0

    def state(self, default: Any) -> Any:
        """What the part before left; of the first part, `default`."""
        return default if self.stream is None else self.stream.state

    def identifier(self, given: Any) -> Any:
        """The key of later parts is that of the first; a request may repeat it, never change it."""
        if self.stream is None:
            return given
        if given not in (None, "", self.stream.uid):
            raise KmipError(ResultReason.INVALID_FIELD, "the Correlation Value belongs to a stream under another key")
        return self.stream.uid


def part_of(ctx: Context, operation: Operation, request: Any) -> Part:
    """Which part of which stream a request is; Invalid Correlation Value when it is of none."""
    value = request.correlation_value
    if value is None:
        if request.init_indicator:
            return Part(operation, final=bool(request.final_indicator))
        if request.final_indicator:
            raise KmipError(ResultReason.INVALID_MESSAGE, "a Final Indicator without Correlation Value ends no stream")
        return Part(operation, final=True)
    if request.init_indicator:
        raise KmipError(ResultReason.INVALID_MESSAGE, "Init Indicator begins a stream, a Correlation Value goes on")
    streams = ctx.services.streams
    streams.expire(ctx.now)
    stream = streams.open.get(value)
    if stream is None or (stream.operation, stream.client) != (operation, _client(ctx)):
        raise KmipError(ResultReason.INVALID_CORRELATION_VALUE, _unknown(streams, value))
    return Part(operation, bool(request.final_indicator), value, stream)


def is_open(ctx: Context, operation: Operation, value: bytes | None) -> bool:
    """Whether the Correlation Value is one of this client and operation; it is good for another while then."""
    streams = ctx.services.streams
    streams.expire(ctx.now)
    stream = streams.open.get(value) if value is not None else None
    if value is None or stream is None or (stream.operation, stream.client) != (operation, _client(ctx)):
        return False
    streams.open[value] = replace(stream, last_used=ctx.now)
    return True


def _unknown(streams: Streams, value: bytes) -> str:
    if value[:_HOME_SIZE] != streams.home:
        return "another worker holds the stream of this Correlation Value: begin again, and stay on one connection"
    return "no stream waits for this Correlation Value: it ended, waited too long, or went on already"


def _client(ctx: Context) -> tuple[str, str]:
    return ctx.principal.group, ctx.principal.name


def go_on(ctx: Context, part: Part, uid: str, state: Any, held: int) -> bytes | None:
    """Keep `state`, which holds `held` bytes, for the next part; its Correlation Value, or None after the last one."""
    streams, old = ctx.services.streams, part.value
    if part.final:
        if old:
            ctx.unit.after_commit(lambda: _forget(streams, old))
        return None
    stream = Stream(part.operation, _client(ctx), uid, state, held, ctx.now)
    streams.expire(ctx.now)
    streams.require_room(stream, first=part.stream is None)
    if not streams.home:
        streams.home = ctx.store.random(_HOME_SIZE)
    new = streams.home + ctx.store.random(_VALUE_SIZE)

    def keep() -> None:
        # Of two requests with the same value one goes on; the other's answer is true, its stream ends there.
        if not old or streams.open.pop(old, None) is not None:
            streams.open[new] = stream

    ctx.unit.after_commit(keep)
    return new


def _forget(streams: Streams, value: bytes) -> None:
    streams.open.pop(value, None)


# The data of a request ---------------------------------------------------------------------------------------


def require_data(ctx: Context, data: Any) -> bytes:
    """Data as bytes, or what an earlier item of the batch made (2.1, 7.9)."""
    if data is None:
        raise KmipError(ResultReason.INVALID_MESSAGE, "Data is missing")
    if not isinstance(data, bytes):
        data = ctx.placeholder.data_of(data)
        if data is None:
            raise KmipError(ResultReason.INVALID_FIELD, "no earlier item of the batch made the Data referred to")
    if len(data) > DATA_SIZE_MAX:
        raise KmipError(ResultReason.INVALID_FIELD, f"Data is longer than {DATA_SIZE_MAX} bytes")
    found: bytes = data
    return found


def part_data(ctx: Context, part: Part, data: Any) -> bytes:
    """The data of one part, which may be empty: the last part often only says that it is the last."""
    return b"" if data is None and not part.whole else require_data(ctx, data)


def made(ctx: Context, kind: DataEnum, data: bytes | None) -> None:
    """Later items of the batch may refer to it."""
    if data is not None:
        ctx.placeholder.remember_data(kind, data)


def collect(ctx: Context, part: Part, uid: str, parameters: Any, data: bytes) -> tuple[Any, bytes, bytes | None]:
    """For results that cover all the data: the parameters of the first part, the data so far, the Correlation Value."""
    parameters, before = part.state((parameters, b""))
    data = before + data
    return parameters, data, go_on(ctx, part, uid, (parameters, data), len(data))
