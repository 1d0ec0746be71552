"""Query (1.4 §4.25, 2.1 §6.1.40)."""

from __future__ import annotations

from typing import Annotated

from kmipd.spec import enumerations as e
from kmipd.spec.attributes import RNGParameters
from kmipd.spec.declare import since, structure
from kmipd.spec.payloads.base import RequestPayload, ResponsePayload
from kmipd.spec.payloads.parts import (
    CapabilityInformation,
    DefaultsInformation,
    ExtensionInformation,
    ObjectGroups,
    ProfileInformation,
    ProtectionStorageMasks,
    ServerInformation,
    ValidationInformation,
)
from kmipd.spec.versions import V1_1, V1_2, V1_3, V2_0, V2_1


@structure
class QueryRequestPayload(RequestPayload):
    """Query, request (1.4 §4.25, 2.1 §6.1.40)."""

    query_function: tuple[e.QueryFunction, ...]
    object_groups: Annotated[ObjectGroups | None, since(V2_1)] = None


@structure
class QueryResponsePayload(ResponsePayload):
    """Query, response (1.4 §4.25, 2.1 §6.1.40)."""

    operation: tuple[e.Operation, ...] = ()
    object_type: tuple[e.ObjectType, ...] = ()
    vendor_identification: str | None = None
    server_information: ServerInformation | None = None
    application_namespace: tuple[str, ...] = ()
    extension_information: Annotated[tuple[ExtensionInformation, ...], since(V1_1)] = ()
    attestation_type: Annotated[tuple[e.AttestationType, ...], since(V1_2)] = ()
    rng_parameters: Annotated[tuple[RNGParameters, ...], since(V1_3)] = ()
    profile_information: Annotated[tuple[ProfileInformation, ...], since(V1_3)] = ()
    validation_information: Annotated[tuple[ValidationInformation, ...], since(V1_3)] = ()
    capability_information: Annotated[tuple[CapabilityInformation, ...], since(V1_3)] = ()
    client_registration_method: Annotated[tuple[e.ClientRegistrationMethod, ...], since(V1_3)] = ()
    defaults_information: Annotated[DefaultsInformation | None, since(V2_0)] = None
    protection_storage_masks: Annotated[ProtectionStorageMasks | None, since(V2_0)] = None
