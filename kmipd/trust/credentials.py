"""Credentials of the settings: a user name or a device, with its password, that stands for another principal.

They only ever add to the client certificate: a connection without a known one never gets here, and a credential may say
which clients may send it. Passwords are kept as scrypt (RFC 7914) and compared in constant time; one that was right is
remembered for a while under a key of this process, since scrypt is slow on purpose and clients send theirs every time.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, fields

from kmipd.core.errors import KmipError
from kmipd.core.model import Principal
from kmipd.spec.enumerations import ResultReason
from kmipd.spec.objects import DeviceCredential, UsernameAndPasswordCredential

_N, _R, _P = 2**14, 8, 1  # 16 MiB and some 50 ms: what RFC 7914 and OWASP give for interactive logins
_SALT_SIZE = 16
_REMEMBERED_SECONDS = 300.0
_REMEMBERED_MAX = 1_000
DEVICE_FIELDS = frozenset(f.name for f in fields(DeviceCredential)) - {"password"}


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialRule:
    """Who sends `username`, or every one of the `device` fields that are given, is `principal`.

    `password` is what `kmipd client password` prints. `clients` are the principals of the certificates
    that may send it; empty for all that are enrolled.
    """

    principal: str
    group: str
    role: str = "client"
    username: str = ""
    device: tuple[tuple[str, str], ...] = ()
    password: str = field(default="", repr=False)  # the settings refuse a rule without
    clients: tuple[str, ...] = ()

    def names(self, credential: UsernameAndPasswordCredential | DeviceCredential) -> bool:
        if isinstance(credential, UsernameAndPasswordCredential):
            return bool(self.username) and self.username == credential.username
        return bool(self.device) and all(getattr(credential, name, None) == value for name, value in self.device)


class WrongHash(ValueError):
    """The text is not what `hashed` makes."""


def hashed(password: str) -> str:
    """The password as the settings keep it."""
    salt = os.urandom(_SALT_SIZE)
    parts = (salt, _scrypt(password, salt, _N, _R, _P))
    return "$".join(["scrypt", str(_N), str(_R), str(_P), *(base64.b64encode(p).decode() for p in parts)])


def parse(kept: str) -> tuple[int, int, int, bytes, bytes]:
    """N, r, p, salt and digest; `WrongHash` for anything that scrypt would not take, or take too long over."""
    name, *rest = kept.split("$")
    try:
        n, r, p = map(int, rest[:3])
        salt, digest = (base64.b64decode(part, validate=True) for part in rest[3:])
    except ValueError:
        raise WrongHash from None
    if name != "scrypt" or not 2 <= n <= 2**20 or n & (n - 1) or not 1 <= r <= 32 or not 1 <= p <= 16 or not digest:
        raise WrongHash
    return n, r, p, salt, digest


def _scrypt(password: str, salt: bytes, n: int, r: int, p: int, size: int = 32) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=n, r=r, p=p, maxmem=256 * n * r + 2**20, dklen=size)


class SettingsCredentials:
    """See `core.authentication.Credentials`. Safe to use from many threads."""

    def __init__(self, rules: Sequence[CredentialRule]) -> None:
        self._rules = tuple(rules)
        self._key = secrets.token_bytes(32)
        self._right: dict[bytes, float] = {}  # keyed digests of passwords that were right, and until when they count

    def principal(
        self, credential: UsernameAndPasswordCredential | DeviceCredential, by: Principal
    ) -> Principal | None:
        rule = next((r for r in self._rules if r.names(credential)), None)
        if rule is None:
            return None
        if not self._is_right(rule, credential.password or ""):
            raise KmipError(ResultReason.BAD_PASSWORD, "the password is wrong")
        if rule.clients and by.name not in rule.clients:
            raise KmipError(
                ResultReason.AUTHENTICATION_NOT_SUCCESSFUL, f"{by.name} may not act as {rule.principal} by a credential"
            )
        return Principal(rule.principal, rule.group, rule.role)

    def _is_right(self, rule: CredentialRule, password: str) -> bool:
        known = hmac.digest(self._key, f"{rule.password}\0{password}".encode(), "sha256")
        if self._right.get(known, 0.0) > time.monotonic():
            return True
        n, r, p, salt, digest = parse(rule.password)
        if not hmac.compare_digest(digest, _scrypt(password, salt, n, r, p, len(digest))):
            return False
        if len(self._right) >= _REMEMBERED_MAX:
            self._right.clear()
        self._right[known] = time.monotonic() + _REMEMBERED_SECONDS
        return True
