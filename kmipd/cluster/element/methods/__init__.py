"""Every method, collected from one small module per family."""

from __future__ import annotations

from typing import Final

from kmipd.cluster.element.method import Method
from kmipd.cluster.element.methods import (
    api,
    async_results,
    cluster_info,
    encryption,
    key_providers,
    key_servers,
    notices,
    trust,
    volumes,
)

METHODS: Final[tuple[Method, ...]] = (
    *api.METHODS,
    *trust.METHODS,
    *key_servers.METHODS,
    *key_providers.METHODS,
    *encryption.METHODS,
    *async_results.METHODS,
    *cluster_info.METHODS,
    *notices.METHODS,
    *volumes.METHODS,
)
BY_NAME: Final = {method.name.lower(): method for method in METHODS}  # NetApp's own samples are all lower case
assert len(BY_NAME) == len(METHODS)
