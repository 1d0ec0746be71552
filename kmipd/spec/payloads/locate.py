"""Locate (1.4 §4.9, 2.1 §6.1.28)."""

from __future__ import annotations

from typing import Annotated

from kmipd.spec import enumerations as e
from kmipd.spec.attributes import Attribute, Attributes, TemplateAttribute, UniqueIdentifier
from kmipd.spec.declare import since, structure, until
from kmipd.spec.masks import StorageStatusMask
from kmipd.spec.payloads.base import RequestPayload, ResponsePayload
from kmipd.spec.versions import V1_1, V1_3, V1_4, V2_0


@structure
class LocateRequestPayload(RequestPayload):
    """Locate, request (1.4 §4.9, 2.1 §6.1.28)."""

    maximum_items: int | None = None
    offset_items: Annotated[int | None, since(V1_3)] = None
    storage_status_mask: StorageStatusMask | None = None
    object_group_member: Annotated[e.ObjectGroupMember | None, since(V1_1)] = None
    attribute: Annotated[tuple[Attribute, ...], until(V1_4)] = ()
    #: Not in the standard: FortiGate wraps its filter in one, and a filter must never be ignored.
    template_attribute: Annotated[TemplateAttribute | None, until(V1_4)] = None
    attributes: Annotated[Attributes | None, since(V2_0)] = None


@structure
class LocateResponsePayload(ResponsePayload):
    """Locate, response (1.4 §4.9, 2.1 §6.1.28)."""

    located_items: Annotated[int | None, since(V1_3)] = None
    unique_identifier: tuple[UniqueIdentifier, ...] = ()
