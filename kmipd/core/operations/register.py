"""Register (KMIP 1.4, 4.3; 2.1, 6.1.42): store what the client has, and give back the same bytes for ever."""

from __future__ import annotations

from kmipd.core import creation, group_rules, pkcs12, registration
from kmipd.core.services import Context
from kmipd.spec.enumerations import UniqueIdentifierEnum as U
from kmipd.spec.payloads import RegisterRequestPayload, RegisterResponsePayload


def register(ctx: Context, request: RegisterRequestPayload) -> RegisterResponsePayload:
    structure = request.managed_object
    registration.require_class(request.object_type, structure)
    wanted = creation.requested(ctx, request.template_attribute, attributes=request.attributes)
    container = pkcs12.opened(ctx, structure, wanted)
    if container is not None:
        structure, wanted = container.structure, container.wanted
    wanted = registration.with_facts(wanted, registration.facts(structure))
    wanted = registration.with_presence(wanted, structure)
    wanted = group_rules.filled_in(ctx, request.object_type, wanted)
    attributes = creation.complete(ctx, request.object_type, wanted, generated=False)
    obj = creation.add_wrapped(
        ctx, request.object_type, structure, attributes, creation.new_lineage(ctx), creation.new_uid(ctx)
    )
    if container is not None:
        pkcs12.add_chain(ctx, container)
        ctx.touched = obj.uid
    ctx.placeholder.set(obj.uid, U.REGISTER)
    return RegisterResponsePayload(unique_identifier=obj.uid)
