"""MAC Verify (1.4 §4.34, 2.1 §6.1.33)."""

from __future__ import annotations

from typing import Annotated

from kmipd.spec import enumerations as e
from kmipd.spec.attributes import CryptographicParameters, UniqueIdentifier
from kmipd.spec.declare import since, structure
from kmipd.spec.payloads.base import RequestPayload, ResponsePayload
from kmipd.spec.payloads.parts import Data
from kmipd.spec.versions import V1_3


@structure
class MACVerifyRequestPayload(RequestPayload):
    """MAC Verify, request (1.4 §4.34, 2.1 §6.1.33)."""

    unique_identifier: UniqueIdentifier | None = None
    cryptographic_parameters: CryptographicParameters | None = None
    data: Data | None = None
    mac_data: bytes | None = None
    correlation_value: Annotated[bytes | None, since(V1_3)] = None
    init_indicator: Annotated[bool | None, since(V1_3)] = None
    final_indicator: Annotated[bool | None, since(V1_3)] = None


@structure
class MACVerifyResponsePayload(ResponsePayload):
    """MAC Verify, response (1.4 §4.34, 2.1 §6.1.33)."""

    unique_identifier: UniqueIdentifier
    validity_indicator: e.ValidityIndicator | None = None
    correlation_value: Annotated[bytes | None, since(V1_3)] = None
