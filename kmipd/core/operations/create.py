"""Create (KMIP 1.4, 4.1; 2.1, 6.1.7): a new symmetric key, or random secret data."""

from __future__ import annotations

from kmipd.core import creation, generation, group_rules, vault
from kmipd.core.errors import KmipError
from kmipd.core.model import AttributeSet, ManagedObject, Placement
from kmipd.core.services import Context
from kmipd.spec import objects as o
from kmipd.spec.enumerations import KeyFormatType, ObjectType, ResultReason, SecretDataType
from kmipd.spec.enumerations import UniqueIdentifierEnum as U
from kmipd.spec.payloads import CreateRequestPayload, CreateResponsePayload
from kmipd.spec.payloads.parts import ProtectionStorageMasks
from kmipd.spec.tags import Tag


def create(ctx: Context, request: CreateRequestPayload) -> CreateResponsePayload:
    wanted = creation.requested(ctx, request.template_attribute, attributes=request.attributes)
    wanted = group_rules.filled_in(ctx, request.object_type, wanted)
    if request.object_type is ObjectType.SYMMETRIC_KEY:
        made = symmetric_key(ctx, wanted, creation.new_lineage(ctx), request.protection_storage_masks)
    elif request.object_type is ObjectType.SECRET_DATA:
        made = _secret_data(ctx, wanted)
    else:
        raise KmipError(ResultReason.INVALID_OBJECT_TYPE, "Create makes symmetric keys and secret data; use Register")
    ctx.placeholder.set(made.uid, U.CREATE)
    return CreateResponsePayload(object_type=made.object_type, unique_identifier=made.uid)


def _secret_data(ctx: Context, wanted: AttributeSet) -> ManagedObject:
    """Not in the text of the standard; its test cases have it (TC-CREATE-SD-1)."""
    length = wanted.get(Tag.CRYPTOGRAPHIC_LENGTH)
    if not isinstance(length, int) or length not in generation.SECRET_LENGTHS:
        raise KmipError(ResultReason.INVALID_ATTRIBUTE_VALUE, "Cryptographic Length must be given, in whole bytes")
    block = o.KeyBlock(
        key_format_type=KeyFormatType.OPAQUE,
        key_value=o.KeyValue(key_material=ctx.store.random(length // 8)),
    )
    structure = o.SecretData(secret_data_type=SecretDataType.PASSWORD, key_block=block)
    attributes = creation.complete(ctx, ObjectType.SECRET_DATA, wanted, generated=True)
    attributes = attributes.put(Tag.KEY_FORMAT_TYPE, KeyFormatType.OPAQUE)
    lineage, uid = creation.new_lineage(ctx), creation.new_uid(ctx)
    return creation.add_wrapped(ctx, ObjectType.SECRET_DATA, structure, attributes, lineage, uid)


def symmetric_key(
    ctx: Context,
    wanted: AttributeSet,
    lineage: creation.Lineage,
    masks: ProtectionStorageMasks | None,
) -> ManagedObject:
    """Make one version of a symmetric key where it belongs. Re-key uses it too."""
    uid = creation.new_uid(ctx)
    template = generation.symmetric_template(wanted, uid)
    attributes = creation.complete(ctx, ObjectType.SYMMETRIC_KEY, wanted, generated=True)
    attributes = attributes.put(Tag.KEY_FORMAT_TYPE, KeyFormatType.RAW)
    if creation.place(ctx, template, masks) is Placement.RESIDENT:
        key = vault.generate(ctx, template)
        return creation.add_resident(ctx, ObjectType.SYMMETRIC_KEY, key, attributes, lineage, uid)
    material = generation.symmetric_material(ctx.store, template)
    structure = vault.key_structure(ObjectType.SYMMETRIC_KEY, template.algorithm, template.length, material)
    return creation.add_wrapped(ctx, ObjectType.SYMMETRIC_KEY, structure, attributes, lineage, uid)
