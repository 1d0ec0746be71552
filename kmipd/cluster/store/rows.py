"""What is remembered, as frozen values. Secrets have no repr."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class ClusterRow:
    id: int
    uuid: str
    unique_id: str
    name: str
    mvip: str
    svip: str
    rep_count: int
    attributes: dict[str, Any]
    sear_enabled: bool
    sear_version: int
    ear_state: str
    features: list[str]
    created: str


@dataclass(frozen=True, slots=True)
class Node:
    id: int
    address: str


@dataclass(frozen=True, slots=True)
class Admin:
    id: int
    username: str
    password_hash: str = field(repr=False)
    access: list[str]
    attributes: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class KeyPair:
    id: int
    private_pem: bytes = field(repr=False)
    subject: dict[str, str]
    created: str


@dataclass(frozen=True, slots=True)
class Provider:
    id: int
    name: str


@dataclass(frozen=True, slots=True)
class KeyServer:
    id: int
    name: str
    hostnames: list[str]
    port: int
    ca_pem: str = field(repr=False)
    client_pem: str = field(repr=False)
    provider_id: int | None


@dataclass(frozen=True, slots=True)
class MasterKey:
    """A key that wraps or unlocks; its states are in kmipd.cluster.states."""

    id: int
    key_id: str
    purpose: str
    management: str
    provider_id: int | None
    kmip_uid: str | None
    verifier: bytes | None = field(repr=False)
    state: str
    created: str


@dataclass(frozen=True, slots=True)
class Volume:
    id: int
    name: str
    uuid: str
    blocks: int
    created: str


@dataclass(frozen=True, slots=True)
class DataKey:
    id: int
    volume_id: int
    master_key_id: int
    wrapped: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class AsyncResult:
    id: int
    kind: str
    completed: bool
    data: dict[str, Any]
    error: dict[str, Any] | None
    created: str
    updated: str


@dataclass(frozen=True, slots=True)
class Rekey:
    """One rekey's journal."""

    id: int
    async_id: int
    state: str
    old_id: int
    new_id: int
    operation: str
    last_error: str
    finished: bool


@dataclass(frozen=True, slots=True)
class Fault:
    id: int
    code: str
    subject: str
    severity: str
    kind: str
    details: str
    date: str
    resolved: bool
    resolved_date: str


@dataclass(frozen=True, slots=True)
class Event:
    id: int
    kind: str
    message: str
    details: str
    severity: int
    time: str
