"""One key server as it was configured: several hosts of one logical server share a port, CAs and a certificate."""

from __future__ import annotations

from dataclasses import dataclass, field

from kmipd.cluster.secret import Secret


@dataclass(frozen=True, slots=True)
class Endpoint:
    server_id: int
    hostnames: tuple[str, ...]
    port: int
    ca_pem: str = field(repr=False)
    client_pem: str = field(repr=False)
    private_pem: Secret = field(repr=False)
