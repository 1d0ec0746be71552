"""Query (KMIP 1.4, 4.25; 2.1, 6.1.39): what this server can do, derived from what is implemented."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from kmipd.core import claims, group_rules
from kmipd.core.services import Context
from kmipd.spec.enumerations import ObjectType, Operation
from kmipd.spec.enumerations import QueryFunction as Q
from kmipd.spec.masks import ProtectionStorageMask
from kmipd.spec.operations import OPERATIONS
from kmipd.spec.payloads import QueryRequestPayload, QueryResponsePayload
from kmipd.spec.payloads.parts import (
    DefaultsInformation,
    ExtensionInformation,
    ProtectionStorageMasks,
    ServerInformation,
)
from kmipd.spec.versions import V1_2, V2_0, Version

# Filled by the table of handlers: what is there is what is served.
SERVED: frozenset[Operation] = frozenset()
OBJECTS: dict[ObjectType, tuple[Version, Version | None]] = {
    ObjectType.CERTIFICATE: (Version(1, 0), None),
    ObjectType.SYMMETRIC_KEY: (Version(1, 0), None),
    ObjectType.PUBLIC_KEY: (Version(1, 0), None),
    ObjectType.PRIVATE_KEY: (Version(1, 0), None),
    ObjectType.SPLIT_KEY: (Version(1, 0), None),
    ObjectType.TEMPLATE: (Version(1, 0), Version(1, 4)),
    ObjectType.SECRET_DATA: (Version(1, 0), None),
    ObjectType.OPAQUE_OBJECT: (Version(1, 0), None),
    ObjectType.PGP_KEY: (V1_2, None),
    ObjectType.CERTIFICATE_REQUEST: (V2_0, None),
}


def query(ctx: Context, request: QueryRequestPayload) -> QueryResponsePayload:
    asked = set(request.query_function)
    answer: dict[str, Any] = {}
    if Q.QUERY_OPERATIONS in asked:
        answer["operation"] = tuple(o for o in sorted(SERVED) if OPERATIONS[o].since <= ctx.version and _may(ctx, o))
    if Q.QUERY_OBJECTS in asked:
        answer["object_type"] = tuple(t for t, (since, until) in OBJECTS.items() if _in(ctx.version, since, until))
    if Q.QUERY_SERVER_INFORMATION in asked:
        settings = ctx.services.settings
        answer["vendor_identification"] = settings.server_name
        answer["server_information"] = _server_information(settings.server_name, settings.server_version, ctx.version)
    if Q.QUERY_RNGS in asked:
        answer["rng_parameters"] = claims.RNGS
    if Q.QUERY_CAPABILITIES in asked:
        answer["capability_information"] = (claims.CAPABILITIES,)
    if Q.QUERY_PROFILES in asked:
        answer["profile_information"] = claims.profiles(ctx.version, https=ctx.services.settings.https)
    if Q.QUERY_VALIDATIONS in asked:
        answer["validation_information"] = ctx.services.settings.validations
    if Q.QUERY_CLIENT_REGISTRATION_METHODS in asked:
        answer["client_registration_method"] = claims.REGISTRATION_METHODS
    if Q.QUERY_EXTENSION_LIST in asked or Q.QUERY_EXTENSION_MAP in asked:
        answer["extension_information"] = _extensions(ctx, whole=Q.QUERY_EXTENSION_MAP in asked)
    if Q.QUERY_DEFAULTS_INFORMATION in asked:
        answer["defaults_information"] = _defaults(ctx, request)
    if Q.QUERY_STORAGE_PROTECTION_MASKS in asked:
        masks = (ProtectionStorageMask.HARDWARE, ProtectionStorageMask.SOFTWARE)
        answer["protection_storage_masks"] = ProtectionStorageMasks(protection_storage_mask=masks)
    return QueryResponsePayload(**answer)


def _may(ctx: Context, operation: Operation) -> bool:
    """What the holder of a ticket may not do is not offered (TC-DLOGIN-1)."""
    if operation in ctx.services.settings.unserved:
        return False
    rights = None if ctx.granted is None else ctx.granted.rights
    return rights is None or any(r.operations is None or operation in r.operations.operation for r in rights)


def _extensions(ctx: Context, *, whole: bool) -> tuple[ExtensionInformation, ...]:
    """Their names, or all that is known of them, which is what a client gets that asks for both."""
    known = ctx.services.settings.extensions
    if whole and ctx.version < V2_0:  # the type is a number there, and the fields of 2.0 have no place
        return tuple(
            replace(e, extension_type=None if e.extension_type is None else int(e.extension_type)) for e in known
        )
    return known if whole else tuple(ExtensionInformation(extension_name=e.extension_name) for e in known)


def _defaults(ctx: Context, request: QueryRequestPayload) -> DefaultsInformation:
    """Of the client's group; with Object Groups, those that are about one of them or about all."""
    groups = None if request.object_groups is None else set(request.object_groups.object_group)
    listed = group_rules.of(ctx).defaults
    return DefaultsInformation(
        object_defaults=tuple(
            d
            for d in listed
            if groups is None or d.object_groups is None or not groups.isdisjoint(d.object_groups.object_group)
        )
    )


def _in(version: Version, since: Version, until: Version | None) -> bool:
    return since <= version and (until is None or version <= until)


def _server_information(name: str, server_version: str, version: Version) -> ServerInformation:
    if version >= V2_0:
        return ServerInformation(server_name=name, server_version=server_version, product_name=name)

    return ServerInformation()  # the contents are the vendor's in 1.x; we have nothing to add to the name
