"""Giving objects out (Get and Export; KMIP 1.4, 4.11 and 4.40): as registered, in another format, or wrapped."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from kmipd.core import attributes as attrs
from kmipd.core import formats, pkcs12, vault, view, wrapping
from kmipd.core.errors import KmipError
from kmipd.core.lifecycle import DESTROYED, effective_state
from kmipd.core.model import ManagedObject
from kmipd.core.services import Context
from kmipd.spec import objects as o
from kmipd.spec.attributes import Attribute
from kmipd.spec.enumerations import KeyCompressionType, KeyFormatType, KeyWrapType, ObjectType, ResultReason
from kmipd.spec.payloads import ExportRequestPayload, GetRequestPayload
from kmipd.spec.tags import Tag


def structure_for(
    ctx: Context, obj: ManagedObject, request: GetRequestPayload | ExportRequestPayload
) -> o.ManagedObject:
    """The object as the request wants it; KmipError when it may not leave, or not so."""
    spec = request.key_wrapping_specification
    require_releasable(ctx, obj, wrapped=spec is not None)
    structure = vault.structure_of(ctx, obj)
    if spec is not None or request.key_wrap_type is KeyWrapType.NOT_WRAPPED:
        structure = _unwrapped(ctx, structure)
    if request.key_format_type is KeyFormatType.PKCS_12 and spec is None:
        return pkcs12.container(ctx, obj, structure)
    structure = _in_format(obj, structure, request)
    if spec is not None:
        structure = wrapping.wrap(ctx, structure, spec, _travelling(ctx, obj, spec))
    return structure


def served(ctx: Context, obj: ManagedObject) -> None:
    """An object that a client has seen is not Fresh (KMIP 1.4, 3.34)."""
    if obj.attributes.get(Tag.FRESH):
        current = ctx.find(obj.uid)
        ctx.unit.put(replace(current, attributes=current.attributes.put(Tag.FRESH, False)))


def require_releasable(ctx: Context, obj: ManagedObject, *, wrapped: bool) -> None:
    if effective_state(obj, ctx.now) in DESTROYED:
        raise KmipError(ResultReason.OBJECT_DESTROYED, f"{obj.uid} was destroyed")
    if not obj.attributes.get(Tag.EXTRACTABLE, True):
        raise KmipError(ResultReason.NOT_EXTRACTABLE, f"{obj.uid} is not extractable")
    if obj.attributes.get(Tag.SENSITIVE) and not wrapped:
        raise KmipError(ResultReason.SENSITIVE, f"{obj.uid} is sensitive: it is given out wrapped only")
    if withheld(ctx, obj):
        raise KmipError(ResultReason.PERMISSION_DENIED, f"{obj.uid} is of a kind that this server gives to nobody")


def withheld(ctx: Context, obj: ManagedObject) -> bool:
    """Whether the operator lets nobody have objects of this kind."""
    kinds = ctx.services.settings.withheld
    return bool(kinds) and (obj.object_type in kinds or obj.attributes.get(Tag.CRYPTOGRAPHIC_ALGORITHM) in kinds)


def _unwrapped(ctx: Context, structure: o.ManagedObject) -> o.ManagedObject:
    block: o.KeyBlock | None = getattr(structure, "key_block", None)
    if block is None or block.key_wrapping_data is None:
        return structure
    return wrapping.unwrap(ctx, structure)


def _in_format(
    obj: ManagedObject, structure: o.ManagedObject, request: GetRequestPayload | ExportRequestPayload
) -> o.ManagedObject:
    """Untouched unless another format is asked for."""
    block: o.KeyBlock | None = getattr(structure, "key_block", None)
    if block is None:
        _require_default(obj, request.key_format_type)
        return structure
    compression = request.key_compression_type
    if compression not in (None, block.key_compression_type, KeyCompressionType.EC_PUBLIC_KEY_TYPE_UNCOMPRESSED):
        raise KmipError(ResultReason.KEY_COMPRESSION_TYPE_NOT_SUPPORTED, "points are given uncompressed")
    wanted = request.key_format_type
    if wanted is None or wanted == block.key_format_type:
        return structure
    if not isinstance(wanted, KeyFormatType):
        raise formats.unsupported(wanted, "an object")
    if block.key_wrapping_data is not None:
        raise formats.unsupported(wanted, "a wrapped key")
    material = formats.material_in(obj.object_type, wanted, formats.canonical(structure))
    changed: Any = replace(
        block, key_format_type=wanted, key_value=o.KeyValue(key_material=material), key_compression_type=None
    )
    return replace(structure, key_block=changed)


def _require_default(obj: ManagedObject, wanted: KeyFormatType | None) -> None:
    if wanted is None or obj.object_type is ObjectType.TEMPLATE:
        return
    if wanted != formats.default_format(obj.object_type, None):
        raise formats.unsupported(wanted, "this object")


def _travelling(ctx: Context, obj: ManagedObject, spec: o.KeyWrappingSpecification) -> tuple[Attribute, ...]:
    keys = [attrs.key_of_name(name) for name in spec.attribute_name]
    return attrs.list_1x(view.some_of(ctx, obj, keys)) if keys else ()
