"""What a method of the Element API is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from kmipd.cluster.cluster import Cluster
from kmipd.cluster.element.params import Params
from kmipd.cluster.store import Admin


@dataclass(frozen=True, slots=True)
class Call:
    """One request: the cluster, the parameters, and who asks (None before the cluster exists)."""

    cluster: Cluster
    params: Params
    admin: Admin | None


Handler = Callable[[Call], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Method:
    """`access`: any of these, or administrator. `bootstrap`: available before CreateCluster, without credentials."""

    name: str
    handler: Handler
    access: frozenset[str] = frozenset()
    bootstrap: bool = False


READERS = frozenset({"read", "write", "reporting"})
EVERYONE = frozenset({"read", "write", "reporting", "clusterAdmin", "drives", "nodes", "volumes", "accounts"})
