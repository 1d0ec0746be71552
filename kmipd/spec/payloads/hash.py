"""Hash (1.4 §4.37, 2.1 §6.1.24)."""

from __future__ import annotations

from typing import Annotated

from kmipd.spec.attributes import CryptographicParameters
from kmipd.spec.declare import since, structure
from kmipd.spec.payloads.base import RequestPayload, ResponsePayload
from kmipd.spec.payloads.parts import Data
from kmipd.spec.versions import V1_3


@structure
class HashRequestPayload(RequestPayload):
    """Hash, request (1.4 §4.37, 2.1 §6.1.24)."""

    cryptographic_parameters: CryptographicParameters
    data: Data | None = None
    correlation_value: Annotated[bytes | None, since(V1_3)] = None
    init_indicator: Annotated[bool | None, since(V1_3)] = None
    final_indicator: Annotated[bool | None, since(V1_3)] = None


@structure
class HashResponsePayload(ResponsePayload):
    """Hash, response (1.4 §4.37, 2.1 §6.1.24)."""

    data: bytes | None = None
    correlation_value: Annotated[bytes | None, since(V1_3)] = None
