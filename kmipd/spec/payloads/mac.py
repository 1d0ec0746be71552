"""MAC (1.4 §4.33, 2.1 §6.1.32)."""

from __future__ import annotations

from typing import Annotated

from kmipd.spec.attributes import CryptographicParameters, UniqueIdentifier
from kmipd.spec.declare import since, structure
from kmipd.spec.payloads.base import RequestPayload, ResponsePayload
from kmipd.spec.payloads.parts import Data
from kmipd.spec.versions import V1_3


@structure
class MACRequestPayload(RequestPayload):
    """MAC, request (1.4 §4.33, 2.1 §6.1.32)."""

    unique_identifier: UniqueIdentifier | None = None
    cryptographic_parameters: CryptographicParameters | None = None
    data: Data | None = None
    correlation_value: Annotated[bytes | None, since(V1_3)] = None
    init_indicator: Annotated[bool | None, since(V1_3)] = None
    final_indicator: Annotated[bool | None, since(V1_3)] = None


@structure
class MACResponsePayload(ResponsePayload):
    """MAC, response (1.4 §4.33, 2.1 §6.1.32)."""

    unique_identifier: UniqueIdentifier
    mac_data: bytes | None = None
    correlation_value: Annotated[bytes | None, since(V1_3)] = None
