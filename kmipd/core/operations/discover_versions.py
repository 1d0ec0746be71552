"""Discover Versions (KMIP 1.4, 4.26): best first, and only what the client listed."""

from __future__ import annotations

from kmipd.core.services import Context
from kmipd.spec.payloads import DiscoverVersionsRequestPayload, DiscoverVersionsResponsePayload
from kmipd.spec.payloads.parts import ProtocolVersion
from kmipd.spec.versions import VERSIONS


def discover_versions(_ctx: Context, request: DiscoverVersionsRequestPayload) -> DiscoverVersionsResponsePayload:
    listed = {v.version for v in request.protocol_version}
    shared = [v for v in reversed(VERSIONS) if not listed or v in listed]
    return DiscoverVersionsResponsePayload(protocol_version=tuple(ProtocolVersion.of(v) for v in shared))
