"""What can be set about a cluster, and why each bound is what it is."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class KmipSettings:
    """How key servers are spoken to. Times are in seconds."""

    # One synchronous Element call. The Python SDK gives up after 30 s and learns nothing then; we end well below.
    call_budget: float = 20.0
    # One host of a key server: connecting with DNS and the TLS handshake. Three dead hosts still fit into a call.
    host_budget: float = 5.0
    # A reply bigger than this is no key; a hostile server must not fill our memory.
    max_message: int = 1 << 20
    verify_hostname: bool = True
    # Tried in this order; 1.4 is what the OASIS storage profiles are written for.
    versions: tuple[str, ...] = ("1.4", "1.3", "1.2", "1.1", "1.0")


@dataclass(frozen=True, slots=True, kw_only=True)
class DoorSettings:
    """The bounds of the Element endpoint. Times are in seconds."""

    handshake: float = 10.0
    request: float = 30.0  # from the first byte of a request to its last; a slow sender cannot hold a thread longer
    idle: float = 60.0  # between requests on one connection
    max_header: int = 16 * 1024
    # The largest honest request writes volume data: 1 MiB, a third more as base64.
    max_body: int = 2 << 20
    max_connections: int = 64  # one thread each


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """A cluster directory and how its cluster behaves."""

    directory: Path
    kmip: KmipSettings = field(default_factory=KmipSettings)
    door: DoorSettings = field(default_factory=DoorSettings)
    # NetApp's pages say one, the SDK's texts describe several; 4 is the number its sister product allows.
    servers_per_provider: int = 1
    # Real Element clusters write version 2 where PKCS#10 knows only 0; set it to 2 to test whether a CA copes.
    csr_version: int = 0
    # Unfinished work (decommissioning, unlocking) is tried again after `retry_first`, doubling up to `retry_max`.
    retry_first: float = 1.0
    retry_max: float = 60.0
    # Faults are at most this old.
    fault_interval: float = 30.0

    @property
    def database(self) -> Path:
        return self.directory / "cluster.db"

    @property
    def internal_keys(self) -> Path:
        return self.directory / "internal-keys"

    @property
    def volumes(self) -> Path:
        return self.directory / "volumes"

    @property
    def tls(self) -> Path:
        return self.directory / "tls"
