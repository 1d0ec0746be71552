"""Put (1.4 §5.2, 2.1 §6.2.3)."""

from __future__ import annotations

from typing import Annotated

from kmipd.spec import enumerations as e
from kmipd.spec.attributes import Attribute, Attributes, UniqueIdentifier
from kmipd.spec.declare import since, structure, until
from kmipd.spec.objects import ManagedObject
from kmipd.spec.payloads.base import RequestPayload, ResponsePayload
from kmipd.spec.versions import V1_4, V2_0


@structure
class PutRequestPayload(RequestPayload):
    """Put, request (1.4 §5.2, 2.1 §6.2.3)."""

    unique_identifier: UniqueIdentifier
    put_function: e.PutFunction
    replaced_unique_identifier: UniqueIdentifier | None = None
    managed_object: ManagedObject
    attribute: Annotated[tuple[Attribute, ...], until(V1_4)] = ()
    attributes: Annotated[Attributes | None, since(V2_0)] = None


@structure
class PutResponsePayload(ResponsePayload):
    """Put, response (1.4 §5.2, 2.1 §6.2.3)."""
