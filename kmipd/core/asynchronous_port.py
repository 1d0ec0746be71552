"""What asynchronous requests ask of the world: a place all workers see, and somebody to do the work."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from kmipd.core.model import Caller, Principal
from kmipd.spec.enumerations import BatchErrorContinuationOption, Operation, ResultStatus
from kmipd.spec.versions import Version


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One batch item that is answered later. `sealed` is the request until it is done, and then the answer."""

    correlation: bytes
    batch: str  # items of one message: done together
    position: int
    caller: Caller
    operation: Operation
    version: Version
    continuation: BatchErrorContinuationOption | None
    submitted: int
    begun: int | None = None
    status: ResultStatus | None = None  # of the answer
    cancelled: bool = False
    obtained: bool = False
    wrapping_key: bytes = b""
    sealed: bytes = field(default=b"", repr=False)

    @property
    def done(self) -> bool:
        return self.status is not None or self.cancelled


class Requests(Protocol):
    """What is remembered of them, for every worker."""

    def submit(self, entries: tuple[Entry, ...], outstanding_max: int) -> bool:
        """False, and nothing is written, when the principal has too many already."""

    def find(self, correlation: bytes) -> Entry | None: ...

    def of(self, principal: Principal) -> tuple[Entry, ...]:
        """Those whose answers have not been obtained, oldest first."""

    def claim(self, batch: str, now: int) -> tuple[Entry, ...]:
        """Take the message up; nothing when somebody has, or when all of it was cancelled."""

    def release(self, batch: str) -> None:
        """Give back what was claimed and not begun after all."""

    def finish(self, correlation: bytes, status: ResultStatus, wrapping_key: bytes, sealed: bytes) -> None: ...

    def cancel(self, correlation: bytes) -> bool:
        """True when it had not been begun."""

    def obtained(self, correlation: bytes) -> None: ...

    def waiting(self, submitted_before: int) -> tuple[str, ...]:
        """Messages that nobody has taken up."""

    def tidy(self, *, submitted_before: int, begun_before: int) -> None:
        """Forget what is old, and give up what was begun and never finished."""


class Background(Protocol):
    """Who does the work beside the requests."""

    def submitted(self, batch: str) -> None: ...

    def await_end(self, batch: str, seconds: float, correlation: bytes) -> None:
        """Have it begun now, and come back when it is done or the time is over."""
