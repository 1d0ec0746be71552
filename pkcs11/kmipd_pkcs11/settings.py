"""How one key store is reached, and its bounds with the reasons for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from kmipd_pkcs11.providers import ProviderFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreSettings:
    """One token. Times are in seconds."""

    name: str  # of the key store, for people and for the registry
    module: Path
    token_label: str = ""  # the token is chosen by serial, else by label; slot numbers change
    token_serial: str = ""
    pin: Callable[[], str] = field(repr=False)  # asked at each login and not kept
    pin_changes: bool = field(default=False, repr=False)  # by another process, since this one initialised the module
    fingerprint: bytes = b""  # what the sentinel of the right token makes of zeros; empty: the first one seen is it
    environment: Mapping[str, str] = field(default_factory=dict)  # set before C_Initialize
    reserved: str = ""  # pReserved of C_Initialize: NSS takes its configuration there
    facts: ProviderFacts | None = None  # None: those of the module's file name

    sessions_max: int = 16  # the concurrency of a slow HSM, not of the processor: 1 ms calls scale to 32 threads
    session_wait: float = 5.0  # for a free session or a re-initialisation: a client waits some 10 s before it gives up
    token_lock_wait: float = 30.0  # an RSA-4096 key pair may take many seconds, and holds the lock
    drain: float = 10.0  # for calls in flight before a re-initialisation; then they are taken for hung
    lock_file: Path | None = None  # shared by all processes that use this token; also remembers a refused PIN

    #: A release wraps under a key of known value, made per session. Making one costs as much as two releases, so it is
    #: used again, but its value lies in our memory: 256 uses and 5 s keep the cost below 1 % and the exposure to what
    #: was released in the last seconds anyway. 1 use gives every release a key of its own.
    release_kek_uses_max: int = 256
    release_kek_seconds_max: float = 5.0

    handles_max: int = 10_000  # some 250 bytes each; beyond it a find costs up to 0.3 s again
    backoff_first: float = 1.0  # a token that comes back is in use again within about a second
    backoff_max: float = 60.0  # a module shared with another key store is disturbed once a minute at most
    rsa_bits_min: int = 2048  # by policy: smaller keys are kept wrapped, in software

    def __post_init__(self) -> None:
        if not self.token_label and not self.token_serial:
            raise ValueError(f"key store {self.name!r} needs a token label or a token serial")
        if min(self.sessions_max, self.handles_max, self.release_kek_uses_max) < 1:
            raise ValueError(f"key store {self.name!r}: sessions, handles and key uses must be at least 1")
