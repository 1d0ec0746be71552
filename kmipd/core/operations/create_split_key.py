"""Create Split Key (KMIP 1.4, 4.38; 2.1, 6.1.10): a key in parts, each an object of its own."""

from __future__ import annotations

from dataclasses import dataclass, field

from kmipd.core import creation, generation, group_rules, release, vault
from kmipd.core.algorithms import splitting
from kmipd.core.algorithms.fields import FIPS_197, REED_SOLOMON
from kmipd.core.errors import KmipError
from kmipd.core.model import AttributeSet, CustomName, ManagedObject
from kmipd.core.services import Context
from kmipd.spec import objects as o
from kmipd.spec.enumerations import KeyFormatType, ObjectType, ResultReason, SplitKeyMethod
from kmipd.spec.enumerations import UniqueIdentifierEnum as U
from kmipd.spec.kinds import Item, ItemType
from kmipd.spec.payloads import CreateSplitKeyRequestPayload, CreateSplitKeyResponsePayload
from kmipd.spec.tags import Tag
from kmipd.spec.versions import V2_0

#: Which split a part is of, and the polynomial of its field: a join of parts that do not belong together would succeed
#: and yield a key that opens nothing.
SPLIT = CustomName("y", "Split")
_SPLIT_ID_SIZE = 16
# What the parts have from the key, whatever the request says ("the attributes of the key take precedence").
_OF_THE_KEY = (
    Tag.CRYPTOGRAPHIC_ALGORITHM,
    Tag.CRYPTOGRAPHIC_LENGTH,
    Tag.CRYPTOGRAPHIC_USAGE_MASK,
    Tag.SENSITIVE,
    Tag.EXTRACTABLE,
)
_DIVISIBLE = frozenset({ObjectType.SYMMETRIC_KEY, ObjectType.PRIVATE_KEY, ObjectType.SECRET_DATA})


@dataclass(frozen=True, slots=True)
class _Secret:
    material: bytes = field(repr=False)
    key_format: KeyFormatType
    wanted: AttributeSet


def create_split_key(ctx: Context, request: CreateSplitKeyRequestPayload) -> CreateSplitKeyResponsePayload:
    if request.object_type is not ObjectType.SPLIT_KEY:
        raise KmipError(ResultReason.INVALID_OBJECT_TYPE, "Create Split Key makes split keys")
    splitting.require_shape(request.split_key_method, request.split_key_parts, request.split_key_threshold)
    creation.require_software(request.protection_storage_masks)
    wanted = creation.requested(ctx, request.template_attribute, attributes=request.attributes)
    secret = _generated(ctx, wanted) if request.unique_identifier is None else _existing(ctx, request, wanted)
    wanted = group_rules.filled_in(ctx, ObjectType.SPLIT_KEY, secret.wanted)
    polynomial = REED_SOLOMON if ctx.version >= V2_0 else FIPS_197
    prime = None
    if request.split_key_method is SplitKeyMethod.POLYNOMIAL_SHARING_PRIME_FIELD:
        prime = splitting.prime_for(len(secret.material), request.prime_field_size)
    over = splitting.field_of(request.split_key_method, prime, polynomial)
    shares = splitting.split(
        over, secret.material, request.split_key_parts, request.split_key_threshold, ctx.store.random
    )
    mark = f"{ctx.store.random(_SPLIT_ID_SIZE).hex()}-{polynomial:x}"
    attributes = wanted.put(SPLIT, Item(Tag.ATTRIBUTE_VALUE, ItemType.TEXT_STRING, mark))
    made = [
        _part(ctx, request, prime, secret.key_format, attributes, number, share)
        for number, share in enumerate(shares, 1)
    ]
    ctx.touched = request.unique_identifier if isinstance(request.unique_identifier, str) else made[0].uid
    ctx.placeholder.set(made[0].uid, U.CREATE_SPLIT_KEY)
    return CreateSplitKeyResponsePayload(unique_identifier=tuple(part.uid for part in made))


def _generated(ctx: Context, wanted: AttributeSet) -> _Secret:
    """A new symmetric key that exists in its parts only."""
    template = generation.symmetric_template(wanted, "")
    return _Secret(generation.symmetric_material(ctx.store, template), KeyFormatType.RAW, wanted)


def _existing(ctx: Context, request: CreateSplitKeyRequestPayload, wanted: AttributeSet) -> _Secret:
    obj = ctx.object(request.unique_identifier)
    if obj.object_type not in _DIVISIBLE:
        raise KmipError(ResultReason.ILLEGAL_OBJECT_TYPE, "symmetric and private keys and secret data can be split")
    # Whoever has the parts has the key: they go out under the same conditions, or not at all.
    release.require_releasable(ctx, obj, wrapped=True)
    material = vault.material_of(ctx, obj)
    for tag in _OF_THE_KEY:
        wanted = wanted.put_instances(tag, obj.attributes.instances(tag))
    if Tag.CRYPTOGRAPHIC_LENGTH not in wanted:
        wanted = wanted.put(Tag.CRYPTOGRAPHIC_LENGTH, len(material) * 8)
    private = obj.object_type is ObjectType.PRIVATE_KEY
    return _Secret(material, KeyFormatType.PKCS_8 if private else KeyFormatType.RAW, wanted)


def _part(
    ctx: Context,
    request: CreateSplitKeyRequestPayload,
    prime: int | None,
    key_format: KeyFormatType,
    wanted: AttributeSet,
    number: int,
    share: bytes,
) -> ManagedObject:
    block = o.KeyBlock(
        key_format_type=key_format,
        key_value=o.KeyValue(key_material=share),
        cryptographic_algorithm=wanted.get(Tag.CRYPTOGRAPHIC_ALGORITHM),
        cryptographic_length=wanted.get(Tag.CRYPTOGRAPHIC_LENGTH),
    )
    structure = o.SplitKey(
        split_key_parts=request.split_key_parts,
        key_part_identifier=number,
        split_key_threshold=request.split_key_threshold,
        split_key_method=request.split_key_method,
        prime_field_size=prime,
        key_block=block,
    )
    attributes = creation.complete(ctx, ObjectType.SPLIT_KEY, wanted, generated=True)
    attributes = attributes.put(Tag.KEY_FORMAT_TYPE, key_format)
    lineage, uid = creation.new_lineage(ctx), creation.new_uid(ctx)
    return creation.add_wrapped(ctx, ObjectType.SPLIT_KEY, structure, attributes, lineage, uid)
