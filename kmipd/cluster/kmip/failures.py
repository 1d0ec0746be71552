"""What can go wrong with a key server, in the three classes that Element's kmipServerFault documents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum


class Kind(IntEnum):
    """How far we came; the further, the more a failure says about the server."""

    CONNECTION = 1
    AUTHENTICATION = 2
    SERVER = 3


class KmipFailure(Exception):
    """One host failed. `sent` says whether a request may have been carried out all the same."""

    def __init__(self, kind: Kind, host: str, detail: str, *, reason: str = "", sent: bool = False) -> None:
        super().__init__(f"{host}: {detail}")
        self.kind, self.host, self.detail, self.reason, self.sent = kind, host, detail, reason, sent


class KeyConflict(Exception):
    """Two key servers hold different material under one key ID."""


@dataclass(frozen=True, slots=True)
class HostStatus:
    """What a test found about one host."""

    host: str
    ok: bool
    detail: str


class ServersFailed(Exception):
    """No host could do it. The class is that of the host with which we came furthest."""

    def __init__(self, failures: Sequence[KmipFailure]) -> None:
        assert failures
        super().__init__("; ".join(str(f) for f in failures))
        self.failures = tuple(failures)

    @property
    def kind(self) -> Kind:
        return max(f.kind for f in self.failures)

    @property
    def reason(self) -> str:
        return next((f.reason for f in self.failures if f.reason), "")

    @property
    def sent(self) -> bool:
        """May any of them have carried out a request?"""
        return any(f.sent for f in self.failures)
