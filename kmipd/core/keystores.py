"""Key stores as entities: what is remembered of one, its states, and what may be done in which.

The state is what the operator wants and how far that has come; it is stored. Whether the token answers at the moment
is an observation, and is not: a store whose token dies stays CONNECTED, with its health down. A key whose store is not
connected is *Unavailable*. That is a view too: its own state is kept, every use is refused with the reason, and
connecting again brings it back.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Final, NoReturn, cast

from kmipd.core.errors import StoreNotConnected
from kmipd.core.failures import FailureReason
from kmipd.core.ports import KeyStore, StoreHealth

#: What key stores and their members may be called. Files have these names too, with an @ or a + beside them.
NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
NAME_RULE: Final = "small letters, digits, and . _ - within"


class ConnectionState(Enum):
    DISCONNECTED = "DISCONNECTED"  # never connected, or disconnected by a command; nothing else leads here
    CONNECTING = "CONNECTING"
    CONNECTED = "CONNECTED"
    DISCONNECTING = "DISCONNECTING"
    FAILED = "FAILED"  # the last attempt failed; it is disconnected before it is connected again


class Command(Enum):
    """What an operator does to a key store."""

    CONNECT = "connect"
    DISCONNECT = "disconnect"
    DESCRIBE_ANEW = "change the description of"
    UPDATE = "update"
    DELETE = "delete"


_S = ConnectionState
#: (state, command) -> the state that follows; what is missing is refused.
TRANSITIONS: Mapping[tuple[ConnectionState, Command], ConnectionState] = {
    (_S.DISCONNECTED, Command.CONNECT): _S.CONNECTING,
    (_S.CONNECTING, Command.CONNECT): _S.CONNECTING,
    (_S.CONNECTED, Command.CONNECT): _S.CONNECTED,
    (_S.DISCONNECTED, Command.DISCONNECT): _S.DISCONNECTED,
    (_S.CONNECTING, Command.DISCONNECT): _S.DISCONNECTING,
    (_S.CONNECTED, Command.DISCONNECT): _S.DISCONNECTING,
    (_S.FAILED, Command.DISCONNECT): _S.DISCONNECTED,
    (_S.DISCONNECTING, Command.DISCONNECT): _S.DISCONNECTING,
    (_S.DISCONNECTED, Command.UPDATE): _S.DISCONNECTED,
    (_S.DISCONNECTED, Command.DELETE): _S.DISCONNECTED,
    **{(state, Command.DESCRIBE_ANEW): state for state in ConnectionState},
}

_WHAT_FIRST: Mapping[ConnectionState, str] = {
    _S.DISCONNECTED: "connect it first",
    _S.CONNECTING: "wait until it is connected, or disconnect it first",
    _S.CONNECTED: "disconnect it first",
    _S.DISCONNECTING: "wait until it is disconnected",
    _S.FAILED: "disconnect it first",
}


class InvalidState(Exception):
    """The key store is in a state in which this cannot be done. Says which, and what to do first."""


def after(name: str, state: ConnectionState, command: Command) -> ConnectionState:
    """The state after `command`; InvalidState when it is not for this state."""
    following = TRANSITIONS.get((state, command))
    if following is None:
        raise InvalidState(
            f"cannot {command.value} the key store {name!r} while it is {state.value}: {_WHAT_FIRST[state]}"
        )
    return following


class Replication(Enum):
    """What a group answers when a member cannot be reached while a key is made or destroyed."""

    REQUIRED = "required"  # refuse: nothing is answered that not all members have
    DEFERRED = "deferred"  # answer, and catch up when the member is back; the key is marked until then


class PinKind(Enum):
    FILE = "file"  # a path; its first line
    CREDENTIAL = "credential"  # a name in systemd's $CREDENTIALS_DIRECTORY
    ENVIRONMENT = "environment"  # the name of a variable of the daemon
    COMMAND = "command"  # a program and its arguments; the first line it prints


@dataclass(frozen=True, slots=True)
class PinSource:
    """Where a PIN comes from; never the PIN."""

    kind: PinKind
    value: tuple[str, ...]  # one word, for a command several

    def __str__(self) -> str:
        return f"{self.kind.value}: {' '.join(self.value)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One token of a key store. A store that is no group has one."""

    name: str
    module: str  # path of the PKCS#11 module
    token_label: str = ""
    token_serial: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)  # set before C_Initialize
    reserved: str = ""  # pReserved of C_Initialize
    pin_source: PinSource
    pin_current: bytes = field(default=b"", repr=False)  # sealed under the root store; empty: the source's counts
    pin_pending: bytes = field(default=b"", repr=False)  # set to be the next one; which of the two counts is not known
    pin_tried: str = ""  # which of the two was tried first last time: "", "current" or "pending"
    sentinel: bytes = b""  # what its sentinel makes of zeros: tells this token from another of the same name
    transport_key: bytes = b""  # CKA_ID of the transport key that it holds
    ceremony_key: bytes = b""  # CKA_ID of the key pair of a ceremony that has begun
    ceremony_public: bytes = b""  # its public half, SubjectPublicKeyInfo DER


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyStoreRecord:
    """What is remembered of a key store."""

    name: str
    description: str = ""
    root: bool = False  # the one of kmipd.toml
    state: ConnectionState = ConnectionState.DISCONNECTED
    failure: FailureReason | None = None  # only while FAILED
    failure_text: str = ""
    connection: int = 0  # counts the attempts to connect: who sees another number opens it anew
    rotate_pin: bool = False
    connect_timeout: int = 60  # seconds
    replication: Replication = Replication.REQUIRED
    transport_key: bytes = b""  # CKA_ID of the lineage's transport key; a member that holds another is not a clone
    created: int = 0
    members: tuple[Member, ...] = ()

    @property
    def is_group(self) -> bool:
        return len(self.members) > 1

    def member(self, name: str) -> Member | None:
        return next((member for member in self.members if member.name == name), None)


class NotConnected:
    """Stands in for a key store that is not connected: whatever it is asked, it refuses with the reason.

    It answers to every method of `ports.KeyStore`, those of later versions included.
    """

    def __init__(self, name: str, why: str) -> None:
        self.name = name
        self._why = why

    def health(self) -> StoreHealth:
        return StoreHealth(up=False, reason=self._why, epoch=0)

    def close(self) -> None:
        """There is nothing to close."""

    def __getattr__(self, method: str) -> Callable[..., NoReturn]:
        if method.startswith("_"):
            raise AttributeError(method)

        def refuse(*_: object, **__: object) -> NoReturn:
            raise StoreNotConnected(self._why, store=self.name)

        return refuse


def _refusing(name: str, why: str) -> KeyStore:
    return cast(KeyStore, NotConnected(name, why))  # by `__getattr__`, which a protocol cannot see


def unknown_store(name: str) -> KeyStore:
    """Stands in for a key store that a key or a setting names and nobody has created."""
    return _refusing(name, f"there is no key store {name!r}: `kmipd store list` shows all")


def not_connected(record: KeyStoreRecord) -> KeyStore:
    """The stand-in for this record, with the reason its state gives."""
    why = f"the key store {record.name!r} is {record.state.value}"
    if record.failure is not None:
        why += f" ({record.failure.name}): {record.failure.remedy}"
    elif record.state is ConnectionState.DISCONNECTED:
        why += f": `kmipd store connect {record.name}`"
    return _refusing(record.name, why)
