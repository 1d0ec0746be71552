"""What a group of clones remembers: who holds a proved copy of which key, and what a member has still to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

Action = Literal["create", "destroy"]


@dataclass(frozen=True, slots=True)
class Deferred:
    """What a member has still to do."""

    member: str
    cka_id: bytes
    action: Action
    parcel: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Copy:
    """A copy that was proved: where it is, where it came from, and what both tokens computed."""

    member: str
    cka_id: bytes
    source: str
    check_value: str  # method:value


class Ledger(Protocol):
    """What a group remembers across restarts. Every method returns when the disk has it."""

    def defer(self, work: Sequence[Deferred], copies: Sequence[Copy]) -> None:
        """Remember what is to be caught up, and the copies there are. A destroy takes the place of a create."""

    def pending(self) -> Sequence[Deferred]: ...

    def caught_up(self, work: Deferred, copy: Copy | None) -> bool:
        """It is done. False when it was called off meanwhile: what was made is to be removed again."""

    def call_off(self, cka_id: bytes) -> None:
        """Nobody shall make copies of this key any more: `caught_up` is False for whoever is at it."""

    def failed(self, work: Deferred, problem: str) -> None: ...

    def forget(self, cka_id: bytes) -> None:
        """The key is gone from every member."""

    def copies(self, cka_id: bytes) -> Sequence[Copy]: ...
