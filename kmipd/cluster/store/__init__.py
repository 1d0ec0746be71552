"""The cluster's own store: one SQLite file, the only place of the cluster that speaks SQL."""

from __future__ import annotations

from kmipd.cluster.store.database import Store, Unit
from kmipd.cluster.store.rows import (
    Admin,
    AsyncResult,
    ClusterRow,
    DataKey,
    Event,
    Fault,
    KeyPair,
    KeyServer,
    MasterKey,
    Node,
    Provider,
    Rekey,
    Volume,
)

__all__ = [
    "Admin",
    "AsyncResult",
    "ClusterRow",
    "DataKey",
    "Event",
    "Fault",
    "KeyPair",
    "KeyServer",
    "MasterKey",
    "Node",
    "Provider",
    "Rekey",
    "Store",
    "Unit",
    "Volume",
]
