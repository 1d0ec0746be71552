"""Create Key Pair (1.4 §4.2, 2.1 §6.1.9)."""

from __future__ import annotations

from typing import Annotated

from kmipd.spec.attributes import Attributes, TemplateAttribute, UniqueIdentifier
from kmipd.spec.declare import since, structure, until
from kmipd.spec.payloads.base import RequestPayload, ResponsePayload
from kmipd.spec.payloads.parts import ProtectionStorageMasks
from kmipd.spec.versions import V1_4, V2_0


@structure
class CreateKeyPairRequestPayload(RequestPayload):
    """Create Key Pair, request (1.4 §4.2, 2.1 §6.1.9)."""

    common_template_attribute: Annotated[TemplateAttribute | None, until(V1_4)] = None
    private_key_template_attribute: Annotated[TemplateAttribute | None, until(V1_4)] = None
    public_key_template_attribute: Annotated[TemplateAttribute | None, until(V1_4)] = None
    common_attributes: Annotated[Attributes | None, since(V2_0)] = None
    private_key_attributes: Annotated[Attributes | None, since(V2_0)] = None
    public_key_attributes: Annotated[Attributes | None, since(V2_0)] = None
    common_protection_storage_masks: Annotated[ProtectionStorageMasks | None, since(V2_0)] = None
    private_protection_storage_masks: Annotated[ProtectionStorageMasks | None, since(V2_0)] = None
    public_protection_storage_masks: Annotated[ProtectionStorageMasks | None, since(V2_0)] = None


@structure
class CreateKeyPairResponsePayload(ResponsePayload):
    """Create Key Pair, response (1.4 §4.2, 2.1 §6.1.9)."""

    private_key_unique_identifier: UniqueIdentifier
    public_key_unique_identifier: UniqueIdentifier
    private_key_template_attribute: Annotated[TemplateAttribute | None, until(V1_4)] = None
    public_key_template_attribute: Annotated[TemplateAttribute | None, until(V1_4)] = None
