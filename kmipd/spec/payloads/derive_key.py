"""Derive Key (1.4 §4.6, 2.1 §6.1.14)."""

from __future__ import annotations

from typing import Annotated

from kmipd.spec import enumerations as e
from kmipd.spec.attributes import Attributes, TemplateAttribute, UniqueIdentifier
from kmipd.spec.declare import NEEDED, since, structure, until
from kmipd.spec.payloads.base import RequestPayload, ResponsePayload
from kmipd.spec.payloads.parts import DerivationParameters
from kmipd.spec.versions import V1_4, V2_0


@structure
class DeriveKeyRequestPayload(RequestPayload):
    """Derive Key, request (1.4 §4.6, 2.1 §6.1.14)."""

    object_type: e.ObjectType
    unique_identifier: tuple[UniqueIdentifier, ...]
    derivation_method: e.DerivationMethod
    derivation_parameters: DerivationParameters
    template_attribute: Annotated[TemplateAttribute | None, until(V1_4), NEEDED] = None
    attributes: Annotated[Attributes | None, since(V2_0), NEEDED] = None


@structure
class DeriveKeyResponsePayload(ResponsePayload):
    """Derive Key, response (1.4 §4.6, 2.1 §6.1.14)."""

    unique_identifier: UniqueIdentifier
    template_attribute: Annotated[TemplateAttribute | None, until(V1_4)] = None
