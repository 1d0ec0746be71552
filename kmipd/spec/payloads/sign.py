"""Sign (1.4 §4.31, 2.1 §6.1.55)."""

from __future__ import annotations

from typing import Annotated

from kmipd.spec.attributes import CryptographicParameters, UniqueIdentifier
from kmipd.spec.declare import since, structure
from kmipd.spec.payloads.base import RequestPayload, ResponsePayload
from kmipd.spec.payloads.parts import Data
from kmipd.spec.versions import V1_3, V1_4


@structure
class SignRequestPayload(RequestPayload):
    """Sign, request (1.4 §4.31, 2.1 §6.1.55)."""

    unique_identifier: UniqueIdentifier | None = None
    cryptographic_parameters: CryptographicParameters | None = None
    data: Data | None = None
    digested_data: Annotated[bytes | None, since(V1_4)] = None
    correlation_value: Annotated[bytes | None, since(V1_3)] = None
    init_indicator: Annotated[bool | None, since(V1_3)] = None
    final_indicator: Annotated[bool | None, since(V1_3)] = None


@structure
class SignResponsePayload(ResponsePayload):
    """Sign, response (1.4 §4.31, 2.1 §6.1.55)."""

    unique_identifier: UniqueIdentifier
    signature_data: bytes | None = None
    correlation_value: Annotated[bytes | None, since(V1_3)] = None
