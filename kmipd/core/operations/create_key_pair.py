"""Create Key Pair (KMIP 1.4, 4.2; 2.1, 6.1.8)."""

from __future__ import annotations

from kmipd.core import creation, formats, generation, group_rules, vault
from kmipd.core.model import AttributeSet, ManagedObject, Placement
from kmipd.core.services import Context
from kmipd.spec.attributes import Link
from kmipd.spec.enumerations import LinkType, ObjectType
from kmipd.spec.enumerations import UniqueIdentifierEnum as U
from kmipd.spec.payloads import CreateKeyPairRequestPayload, CreateKeyPairResponsePayload
from kmipd.spec.payloads.parts import ProtectionStorageMasks
from kmipd.spec.tags import Tag


def create_key_pair(ctx: Context, request: CreateKeyPairRequestPayload) -> CreateKeyPairResponsePayload:
    common = creation.requested(ctx, request.common_template_attribute, attributes=request.common_attributes)
    private = creation.requested(ctx, request.private_key_template_attribute, attributes=request.private_key_attributes)
    public = creation.requested(ctx, request.public_key_template_attribute, attributes=request.public_key_attributes)
    masks = request.private_protection_storage_masks or request.common_protection_storage_masks
    private = group_rules.filled_in(ctx, ObjectType.PRIVATE_KEY, creation.merged(common, private))
    public = group_rules.filled_in(ctx, ObjectType.PUBLIC_KEY, creation.merged(common, public))
    made = key_pair(ctx, private, public, creation.new_lineage(ctx), masks)
    private_uid, public_uid = made[0].uid, made[1].uid
    ctx.placeholder.set(private_uid, U.CREATE_KEY_PAIR, U.CREATE_KEY_PAIR_PRIVATE_KEY)
    ctx.placeholder.also(public_uid, U.CREATE_KEY_PAIR_PUBLIC_KEY)
    ctx.touched = private_uid
    return CreateKeyPairResponsePayload(
        private_key_unique_identifier=private_uid, public_key_unique_identifier=public_uid
    )


def key_pair(
    ctx: Context,
    private: AttributeSet,
    public: AttributeSet,
    lineage: creation.Lineage,
    masks: ProtectionStorageMasks | None,
) -> tuple[ManagedObject, ManagedObject]:
    """One version of a pair: the private half where it belongs, the public half sealed. Re-key Key Pair uses it too."""
    private_uid, public_uid = creation.new_uid(ctx), creation.new_uid(ctx)
    template = generation.pair_template(private, public, private_uid, ctx.services.settings.rsa_bits_min)
    halves = {
        ObjectType.PRIVATE_KEY: _linked(private, LinkType.PUBLIC_KEY_LINK, public_uid),
        ObjectType.PUBLIC_KEY: _linked(public, LinkType.PRIVATE_KEY_LINK, private_uid),
    }
    for object_type, attributes in halves.items():
        stated = attributes.put(Tag.CRYPTOGRAPHIC_ALGORITHM, template.algorithm)
        stated = stated.put(Tag.CRYPTOGRAPHIC_LENGTH, template.length)
        stated = stated.put(Tag.KEY_FORMAT_TYPE, formats.default_format(object_type, template.algorithm))
        halves[object_type] = creation.complete(ctx, object_type, stated, generated=True)
    private_attributes = halves[ObjectType.PRIVATE_KEY]
    if creation.place(ctx, template, masks) is Placement.RESIDENT:
        key, public_der = vault.generate_pair(ctx, template)
        made = creation.add_resident(ctx, ObjectType.PRIVATE_KEY, key, private_attributes, lineage, private_uid)
    else:
        der, public_der = generation.pair_material(template)
        structure = vault.key_structure(ObjectType.PRIVATE_KEY, template.algorithm, template.length, der)
        made = creation.add_wrapped(ctx, ObjectType.PRIVATE_KEY, structure, private_attributes, lineage, private_uid)
    structure = vault.key_structure(ObjectType.PUBLIC_KEY, template.algorithm, template.length, public_der)
    other = creation.add_wrapped(
        ctx, ObjectType.PUBLIC_KEY, structure, halves[ObjectType.PUBLIC_KEY], lineage, public_uid
    )
    return made, other


def _linked(half: AttributeSet, link_type: LinkType, uid: str) -> AttributeSet:
    """The link between the halves comes first, before the one to what a Re-key replaces (TC-133)."""
    link = Link(link_type=link_type, linked_object_identifier=uid)
    return half.put(Tag.LINK, link, *half.values(Tag.LINK))
