"""What authentication asks of the world: the tickets that were given out, and the credentials of the settings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from kmipd.core.model import Principal
from kmipd.spec.enumerations import UsageLimitsUnit
from kmipd.spec.objects import DeviceCredential, UsernameAndPasswordCredential
from kmipd.spec.payloads.parts import Right


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """What is remembered of a ticket. Counts are what is left; None is without limit."""

    digest: bytes
    principal: Principal
    created: int
    expires: int
    requests: int | None = None
    usage: int | None = None
    usage_unit: UsageLimitsUnit | None = None
    rights: tuple[Right, ...] | None = None


class Tickets(Protocol):
    """The tickets of all workers."""

    def add(self, ticket: Issued, live_max: int) -> bool:
        """False when the principal has too many."""

    def take(self, digest: bytes, now: int) -> Issued | None:
        """The ticket as it was before this request was counted; None for one that is unknown, expired, or whose
        client was revoked. One with no request left is not counted any further."""

    def spend(self, digest: bytes, units: int) -> bool:
        """False, and nothing is taken, when fewer units are left."""

    def remove(self, digest: bytes, principal: Principal) -> bool: ...


Named = UsernameAndPasswordCredential | DeviceCredential


class Credentials(Protocol):
    """The settings' credentials."""

    def principal(self, credential: Named, by: Principal) -> Principal | None:
        """Whom it stands for when the client `by` sends it; None when the settings do not know it.

        `KmipError` when they do, and the password is wrong or this client may not use it.
        """


class Provisioner(Protocol):
    """Who gives clients their certificates. Every method may raise a `KmipError`."""

    def certify(self, principal: Principal, request: bytes) -> bytes:
        """A certificate, in DER, for the key of a PKCS#10 request, whose sender has proved to have it."""

    def issue(self, principal: Principal) -> tuple[bytes, bytes]:
        """A certificate in DER and its private key in PKCS#8."""

    def require_usable(self, principal: Principal, der: bytes) -> None:
        """Refuse a certificate that is somebody's already, and a client that is not enrolled."""

    def replace(self, principal: Principal, der: bytes, now: int) -> None:
        """From now on the client is known by this certificate, and by no other."""
