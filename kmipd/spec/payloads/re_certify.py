"""Re-certify (1.4 §4.8, 2.1 §6.1.45)."""

from __future__ import annotations

from typing import Annotated

from kmipd.spec import enumerations as e
from kmipd.spec.attributes import Attributes, TemplateAttribute, UniqueIdentifier
from kmipd.spec.declare import Interval, since, structure, until
from kmipd.spec.payloads.base import RequestPayload, ResponsePayload
from kmipd.spec.payloads.parts import ProtectionStorageMasks
from kmipd.spec.versions import V1_4, V2_0


@structure
class ReCertifyRequestPayload(RequestPayload):
    """Re-certify, request (1.4 §4.8, 2.1 §6.1.45)."""

    unique_identifier: UniqueIdentifier | None = None
    certificate_request_unique_identifier: Annotated[UniqueIdentifier | None, since(V2_0)] = None
    certificate_request_type: e.CertificateRequestType | None = None
    certificate_request: Annotated[bytes | None, until(V1_4)] = None
    certificate_request_value: Annotated[bytes | None, since(V2_0)] = None
    offset: Interval | None = None
    template_attribute: Annotated[TemplateAttribute | None, until(V1_4)] = None
    attributes: Annotated[Attributes | None, since(V2_0)] = None
    protection_storage_masks: Annotated[ProtectionStorageMasks | None, since(V2_0)] = None


@structure
class ReCertifyResponsePayload(ResponsePayload):
    """Re-certify, response (1.4 §4.8, 2.1 §6.1.45)."""

    unique_identifier: UniqueIdentifier
    template_attribute: Annotated[TemplateAttribute | None, until(V1_4)] = None
