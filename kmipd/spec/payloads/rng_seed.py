"""RNG Seed (1.4 §4.36, 2.1 §6.1.50)."""

from __future__ import annotations

from kmipd.spec.declare import structure
from kmipd.spec.payloads.base import RequestPayload, ResponsePayload
from kmipd.spec.payloads.parts import Data


@structure
class RNGSeedRequestPayload(RequestPayload):
    """RNG Seed, request (1.4 §4.36, 2.1 §6.1.50)."""

    data: Data


@structure
class RNGSeedResponsePayload(ResponsePayload):
    """RNG Seed, response (1.4 §4.36, 2.1 §6.1.50)."""

    data_length: int
