"""Decrypt (1.4 §4.30, 2.1 §6.1.11)."""

from __future__ import annotations

from typing import Annotated

from kmipd.spec.attributes import CryptographicParameters, UniqueIdentifier
from kmipd.spec.declare import since, structure
from kmipd.spec.payloads.base import RequestPayload, ResponsePayload
from kmipd.spec.payloads.parts import Data
from kmipd.spec.versions import V1_3, V1_4


@structure
class DecryptRequestPayload(RequestPayload):
    """Decrypt, request (1.4 §4.30, 2.1 §6.1.11)."""

    unique_identifier: UniqueIdentifier | None = None
    cryptographic_parameters: CryptographicParameters | None = None
    data: Data | None = None
    iv_counter_nonce: bytes | None = None
    correlation_value: Annotated[bytes | None, since(V1_3)] = None
    init_indicator: Annotated[bool | None, since(V1_3)] = None
    final_indicator: Annotated[bool | None, since(V1_3)] = None
    authenticated_encryption_additional_data: Annotated[bytes | None, since(V1_4)] = None
    authenticated_encryption_tag: Annotated[bytes | None, since(V1_4)] = None


@structure
class DecryptResponsePayload(ResponsePayload):
    """Decrypt, response (1.4 §4.30, 2.1 §6.1.11)."""

    unique_identifier: UniqueIdentifier
    data: bytes | None = None
    correlation_value: Annotated[bytes | None, since(V1_3)] = None
