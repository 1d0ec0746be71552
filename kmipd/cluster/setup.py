"""Creating the cluster: CreateCluster, and who may use it afterwards."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import string
import threading
import uuid
from dataclasses import dataclass, field
from typing import Any, Final

from kmipd.cluster import crypto
from kmipd.cluster.clock import Clock, stamp
from kmipd.cluster.errors import ElementError
from kmipd.cluster.masterkeys import MasterKeys
from kmipd.cluster.notices import Notices
from kmipd.cluster.states import ASKED, CURRENT, DISABLED, INTERNAL, SOFTWARE
from kmipd.cluster.store import Admin, ClusterRow, MasterKey, Store

_CONCURRENT_HASHES: Final = 2  # scrypt takes 16 MiB each; strangers who guess must not fill the memory
_REMEMBERED: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCluster:
    """What CreateCluster is told."""

    mvip: str
    svip: str
    username: str
    password: str = field(repr=False)
    nodes: list[str]
    software_encryption: bool
    rep_count: int = 2
    attributes: dict[str, Any] = field(default_factory=dict)


class Setup:
    """Creates the cluster and knows its administrators."""

    def __init__(self, store: Store, keys: MasterKeys, notices: Notices, clock: Clock) -> None:
        self._store, self._keys, self._notices, self._clock = store, keys, notices, clock
        self._hashing = threading.BoundedSemaphore(_CONCURRENT_HASHES)
        self._pepper = os.urandom(32)
        self._verified: dict[bytes, int] = {}

    def cluster(self) -> ClusterRow | None:
        with self._store.unit() as unit:
            return unit.cluster.one()

    def create(self, new: NewCluster) -> None:
        """The cluster, its nodes, its administrator and, with software encryption, its first internal master key."""
        if self.cluster() is not None:
            raise _exists()
        password_hash = crypto.hash_password(new.password)
        created = stamp(self._clock())
        master = self._first_key(created) if new.software_encryption else None
        with self._store.unit() as unit:
            if unit.cluster.one() is not None:
                raise _exists()
            identity = "".join(secrets.choice(string.ascii_lowercase + string.digits) for _ in range(4))
            unit.cluster.add(
                uuid=str(uuid.uuid4()),
                unique_id=identity,
                name=new.attributes.get("name") or f"cluster-{identity}",
                mvip=new.mvip,
                svip=new.svip,
                rep_count=new.rep_count,
                attributes=new.attributes,
                sear_enabled=new.software_encryption,
                sear_version=int(new.software_encryption),
                ear_state=DISABLED,
                features=[],
                created=created,
            )
            for address in new.nodes:
                unit.nodes.add(address=address)
            access = ["administrator"]
            unit.admins.add(username=new.username, password_hash=password_hash, access=access, attributes={})
            if master is not None:
                unit.master_keys.add(**master)
            self._notices.event(unit, "apiEvent", "The cluster was created.")

    def _first_key(self, created: str) -> dict[str, Any]:
        """Made on the disk before its row: a crash in between leaves a file that nothing was wrapped under."""
        values: dict[str, Any] = {"key_id": str(uuid.uuid4()), "purpose": SOFTWARE, "management": INTERNAL}
        draft = MasterKey(0, **values, provider_id=None, kmip_uid=None, verifier=None, state=ASKED, created=created)
        key = self._keys.make_internal(draft)
        return {**values, "state": CURRENT, "verifier": crypto.verifier(key, draft.key_id), "created": created}

    def authenticate(self, username: str, password: str) -> Admin | None:
        """The administrator, or None. What was verified once is remembered as a keyed hash, in memory only."""
        with self._store.unit() as unit:
            admin = unit.admins.one(username=username)
        if admin is None:
            return None
        proof = hmac.digest(self._pepper, f"{admin.password_hash}\0{password}".encode(), hashlib.sha256)
        if self._verified.get(proof) == admin.id:
            return admin
        with self._hashing:
            if not crypto.check_password(password, admin.password_hash):
                return None
        if len(self._verified) >= _REMEMBERED:
            self._verified.clear()
        self._verified[proof] = admin.id
        return admin


def _exists() -> ElementError:
    return ElementError("xClusterAlreadyCreated", "xClusterAlreadyCreated: this node belongs to a cluster already.")
