"""Join Split Key (KMIP 1.4, 4.39; 2.1, 6.1.27): a key from enough of its parts."""

from __future__ import annotations

from typing import Any

from kmipd.core import creation, formats, generation, group_rules, vault
from kmipd.core.algorithms import splitting
from kmipd.core.algorithms.errors import failed
from kmipd.core.algorithms.fields import FIPS_197, REED_SOLOMON
from kmipd.core.errors import KmipError
from kmipd.core.lifecycle import DESTROYED, effective_state, wrong_state
from kmipd.core.model import AttributeSet, ManagedObject
from kmipd.core.operations.create_split_key import SPLIT
from kmipd.core.services import Context
from kmipd.spec import objects as o
from kmipd.spec.enumerations import KeyFormatType, ObjectType, ResultReason, SecretDataType, SplitKeyMethod
from kmipd.spec.enumerations import UniqueIdentifierEnum as U
from kmipd.spec.payloads import JoinSplitKeyRequestPayload, JoinSplitKeyResponsePayload
from kmipd.spec.tags import Tag
from kmipd.spec.versions import V2_0

_JOINED = frozenset({ObjectType.SYMMETRIC_KEY, ObjectType.PRIVATE_KEY, ObjectType.SECRET_DATA})


def join_split_key(ctx: Context, request: JoinSplitKeyRequestPayload) -> JoinSplitKeyResponsePayload:
    if request.object_type not in _JOINED:
        raise KmipError(
            ResultReason.INVALID_OBJECT_TYPE, "parts are joined to symmetric keys, private keys or secret data"
        )
    creation.require_software(request.protection_storage_masks)
    parts = [_part(ctx, uid) for uid in request.unique_identifier]
    wanted = creation.requested(ctx, request.template_attribute, attributes=request.attributes)
    material = _material(ctx, request.object_type, parts)
    wanted = _inherited(wanted, [obj for obj, _ in parts])
    wanted = group_rules.filled_in(ctx, request.object_type, wanted)
    structure = _structure(request, wanted, parts[0][1].key_block, material)
    attributes = creation.complete(ctx, request.object_type, wanted, generated=False)
    attributes = attributes.put(Tag.KEY_FORMAT_TYPE, structure.key_block.key_format_type)
    lineage, uid = creation.new_lineage(ctx), creation.new_uid(ctx)
    made = creation.add_wrapped(ctx, request.object_type, structure, attributes, lineage, uid)
    ctx.placeholder.set(made.uid, U.JOIN_SPLIT_KEY)
    return JoinSplitKeyResponsePayload(unique_identifier=made.uid)


def _part(ctx: Context, given: str | int) -> tuple[ManagedObject, o.SplitKey]:
    obj = ctx.object(given)
    state = effective_state(obj, ctx.now)
    if state in DESTROYED:
        raise wrong_state(obj, "Join Split Key", state)
    structure = vault.structure_of(ctx, obj)
    if not isinstance(structure, o.SplitKey):
        raise KmipError(ResultReason.ILLEGAL_OBJECT_TYPE, f"{obj.uid} is no part of a split key")
    return obj, structure


def _material(ctx: Context, object_type: ObjectType, parts: list[tuple[ManagedObject, o.SplitKey]]) -> bytes:
    if not parts:
        raise KmipError(ResultReason.INVALID_MESSAGE, "Join Split Key needs the parts")
    first = parts[0][1]
    marks = {obj.attributes.get(SPLIT) for obj, _ in parts}
    kinds = {_kind(structure) for _, structure in parts}
    by_number = {structure.key_part_identifier: formats.canonical(structure) for _, structure in parts}
    if len(marks) != 1 or len(kinds) != 1 or len(by_number) != len(parts):
        raise failed("the parts are not different parts of one key")
    if len(parts) < first.split_key_threshold:
        raise failed(f"{len(parts)} parts are too few: {first.split_key_threshold} are needed")
    if not all(0 < number <= splitting.PARTS_MAX for number in by_number):
        raise failed("a Key Part Identifier is out of range")
    field = splitting.field_of(first.split_key_method, first.prime_field_size, _polynomial(ctx, marks.pop()))
    needed = dict(sorted(by_number.items())[: first.split_key_threshold])
    joined = splitting.join(field, needed)
    return _cut(object_type, first, joined)


def _kind(structure: o.SplitKey) -> tuple[object, ...]:
    """What the parts of one key have in common."""
    block = structure.key_block
    return (
        structure.split_key_parts,
        structure.split_key_threshold,
        structure.split_key_method,
        structure.prime_field_size,
        block.cryptographic_algorithm,
        block.cryptographic_length,
        block.key_format_type,
    )


def _polynomial(ctx: Context, mark: Any) -> int:
    """Of parts that were made elsewhere, the client's version says which field it means."""
    known = {f"{polynomial:x}": polynomial for polynomial in (FIPS_197, REED_SOLOMON)}
    named = known.get(str(getattr(mark, "value", "")).rpartition("-")[2])
    if named is not None:
        return named
    return REED_SOLOMON if ctx.version >= V2_0 else FIPS_197


def _cut(object_type: ObjectType, part: o.SplitKey, joined: bytes) -> bytes:
    """Without what filled the last piece of a field, or the front of its one integer."""
    prime = part.split_key_method is SplitKeyMethod.POLYNOMIAL_SHARING_PRIME_FIELD
    if object_type is ObjectType.PRIVATE_KEY:
        return _der(joined.lstrip(b"\0"))  # a SEQUENCE begins with 0x30
    length = part.key_block.cryptographic_length
    if length is None:
        return joined
    size = generation.material_size(part.key_block.cryptographic_algorithm, length)
    rest, secret = (joined[:-size], joined[-size:]) if prime else (joined[size:], joined[:size])
    if any(rest) or len(secret) != size:
        raise failed("the parts do not make a key of their Cryptographic Length")
    return secret


def _der(data: bytes) -> bytes:
    """The first structure of DER data (X.690, 8.1.3)."""
    if len(data) < 2 or data[0] != 0x30:
        raise failed("the parts do not make a private key")
    size = data[1] & 0x7F if data[1] & 0x80 else 0
    length = int.from_bytes(data[2 : 2 + size], "big") if size else data[1]
    return data[: 2 + size + length]


def _inherited(wanted: AttributeSet, parts: list[ManagedObject]) -> AttributeSet:
    """What the request leaves open is as the parts have it; what they keep secret the whole keeps secret too."""
    for tag in (Tag.CRYPTOGRAPHIC_ALGORITHM, Tag.CRYPTOGRAPHIC_LENGTH, Tag.CRYPTOGRAPHIC_USAGE_MASK):
        if tag not in wanted:
            wanted = wanted.put_instances(tag, parts[0].attributes.instances(tag))
        elif tag is not Tag.CRYPTOGRAPHIC_USAGE_MASK and wanted.get(tag) != parts[0].attributes.get(tag):
            raise KmipError(ResultReason.INVALID_ATTRIBUTE_VALUE, f"the parts have another {tag.name}")
    if any(part.attributes.get(Tag.SENSITIVE) for part in parts):
        wanted = wanted.put(Tag.SENSITIVE, True)
    if not all(part.attributes.get(Tag.EXTRACTABLE, True) for part in parts):
        wanted = wanted.put(Tag.EXTRACTABLE, False)
    return wanted


def _structure(request: JoinSplitKeyRequestPayload, wanted: AttributeSet, part: o.KeyBlock, material: bytes) -> Any:
    """Symmetric keys and secrets are raw; a private key gets its usual format."""
    if request.object_type is ObjectType.SECRET_DATA:
        block = o.KeyBlock(key_format_type=KeyFormatType.RAW, key_value=o.KeyValue(key_material=material))
        return o.SecretData(secret_data_type=request.secret_data_type or SecretDataType.PASSWORD, key_block=block)
    algorithm, length = wanted.get(Tag.CRYPTOGRAPHIC_ALGORITHM), wanted.get(Tag.CRYPTOGRAPHIC_LENGTH)
    private = request.object_type is ObjectType.PRIVATE_KEY
    if algorithm is None or length is None or private != (part.key_format_type is KeyFormatType.PKCS_8):
        raise KmipError(ResultReason.INVALID_OBJECT_TYPE, "the parts are those of another type of object")
    return vault.key_structure(request.object_type, algorithm, length, material)
