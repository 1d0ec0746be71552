"""Create Split Key (1.4 §4.38, 2.1 §6.1.10)."""

from __future__ import annotations

from typing import Annotated

from kmipd.spec import enumerations as e
from kmipd.spec.attributes import Attributes, TemplateAttribute, UniqueIdentifier
from kmipd.spec.declare import NEEDED, BigInteger, since, structure, until
from kmipd.spec.payloads.base import RequestPayload, ResponsePayload
from kmipd.spec.payloads.parts import ProtectionStorageMasks
from kmipd.spec.versions import V1_3, V1_4, V2_0


@structure
class CreateSplitKeyRequestPayload(RequestPayload):
    """Create Split Key, request (1.4 §4.38, 2.1 §6.1.10)."""

    object_type: e.ObjectType
    unique_identifier: UniqueIdentifier | None = None
    split_key_parts: int
    split_key_threshold: int
    split_key_method: e.SplitKeyMethod
    prime_field_size: BigInteger | None = None
    template_attribute: Annotated[TemplateAttribute | None, until(V1_4), NEEDED] = None
    attributes: Annotated[Attributes | None, since(V2_0), NEEDED] = None
    protection_storage_masks: Annotated[ProtectionStorageMasks | None, since(V2_0)] = None


@structure
class CreateSplitKeyResponsePayload(ResponsePayload):
    """Create Split Key, response (1.4 §4.38, 2.1 §6.1.10)."""

    #: In the tables of 1.2 and 1.3 only.
    object_type: Annotated[e.ObjectType | None, until(V1_3)] = None
    unique_identifier: tuple[UniqueIdentifier, ...]
    template_attribute: Annotated[TemplateAttribute | None, until(V1_4)] = None
