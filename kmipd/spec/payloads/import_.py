"""Import (1.4 §4.41, 2.1 §6.1.25)."""

from __future__ import annotations

from typing import Annotated

from kmipd.spec import enumerations as e
from kmipd.spec.attributes import Attribute, Attributes, UniqueIdentifier
from kmipd.spec.declare import NEEDED, since, structure, until
from kmipd.spec.objects import ManagedObject
from kmipd.spec.payloads.base import RequestPayload, ResponsePayload
from kmipd.spec.versions import V1_4, V2_0


@structure
class ImportRequestPayload(RequestPayload):
    """Import, request (1.4 §4.41, 2.1 §6.1.25)."""

    unique_identifier: UniqueIdentifier
    object_type: e.ObjectType | None = None
    replace_existing: bool | None = None
    key_wrap_type: e.KeyWrapType | None = None
    attribute: Annotated[tuple[Attribute, ...], until(V1_4)] = ()
    attributes: Annotated[Attributes | None, since(V2_0), NEEDED] = None
    managed_object: ManagedObject


@structure
class ImportResponsePayload(ResponsePayload):
    """Import, response (1.4 §4.41, 2.1 §6.1.25)."""

    unique_identifier: UniqueIdentifier
