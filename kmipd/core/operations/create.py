"""Create (KMIP 1.4, 4.1; 2.1, 6.1.7): a new symmetric key."""

from __future__ import annotations

from kmipd.core import creation, generation, vault
from kmipd.core.errors import KmipError
from kmipd.core.model import AttributeSet, ManagedObject, Placement
from kmipd.core.services import Context
from kmipd.spec.enumerations import KeyFormatType, ObjectType, ResultReason
from kmipd.spec.enumerations import UniqueIdentifierEnum as U
from kmipd.spec.payloads import CreateRequestPayload, CreateResponsePayload
from kmipd.spec.payloads.parts import ProtectionStorageMasks
from kmipd.spec.tags import Tag


def create(ctx: Context, request: CreateRequestPayload) -> CreateResponsePayload:
    if request.object_type != ObjectType.SYMMETRIC_KEY:
        raise KmipError(ResultReason.INVALID_OBJECT_TYPE, "Create makes symmetric keys only; use Register for the rest")
    wanted = creation.requested(ctx, request.template_attribute, attributes=request.attributes)
    made = symmetric_key(ctx, wanted, creation.new_lineage(), request.protection_storage_masks)
    ctx.placeholder.set(made.uid, U.CREATE)
    return CreateResponsePayload(object_type=ObjectType.SYMMETRIC_KEY, unique_identifier=made.uid)


def symmetric_key(
    ctx: Context,
    wanted: AttributeSet,
    lineage: creation.Lineage,
    masks: ProtectionStorageMasks | None,
) -> ManagedObject:
    """Make one version of a symmetric key where it belongs. Re-key uses it too."""
    uid = creation.new_uid()
    template = generation.symmetric_template(wanted, uid)
    attributes = creation.complete(ctx, ObjectType.SYMMETRIC_KEY, wanted, generated=True)
    attributes = attributes.put(Tag.KEY_FORMAT_TYPE, KeyFormatType.RAW)
    if creation.place(ctx, template, masks) is Placement.RESIDENT:
        key = vault.generate(ctx, template)
        return creation.add_resident(ctx, ObjectType.SYMMETRIC_KEY, key, attributes, lineage, uid)
    material = generation.symmetric_material(ctx.services, template)
    structure = vault.key_structure(ObjectType.SYMMETRIC_KEY, template.algorithm, template.length, material)
    return creation.add_wrapped(ctx, ObjectType.SYMMETRIC_KEY, structure, attributes, lineage, uid)
