"""Export (KMIP 1.4, 4.40; 2.1, 6.1.18): an object as Get gives it, with all its attributes."""

from __future__ import annotations

from typing import Any

from kmipd.core import attributes as attrs
from kmipd.core import formats, release, view
from kmipd.core.errors import KmipError
from kmipd.core.lifecycle import DESTROYED, effective_state
from kmipd.core.model import ManagedObject
from kmipd.core.services import Context
from kmipd.spec import objects as o
from kmipd.spec.enumerations import ObjectType, ResultReason
from kmipd.spec.payloads import ExportRequestPayload, ExportResponsePayload
from kmipd.spec.tags import Tag
from kmipd.spec.versions import V2_0

# What a tombstone can be shown as: a Key Block without its value.
_KEYS = frozenset({ObjectType.SYMMETRIC_KEY, ObjectType.PUBLIC_KEY, ObjectType.PRIVATE_KEY})


def export(ctx: Context, request: ExportRequestPayload) -> ExportResponsePayload:
    obj = ctx.object(request.unique_identifier)
    if effective_state(obj, ctx.now) in DESTROYED:
        structure = _without_value(obj)
    else:
        structure = release.structure_for(ctx, obj, request)
    found = view.all_of(ctx, obj, digest=True)
    fields: dict[str, Any] = (
        {"attributes": attrs.list_2x(found)} if ctx.version >= V2_0 else {"attribute": attrs.list_1x(found)}
    )
    release.served(ctx, obj)
    ctx.placeholder.set(obj.uid)
    return ExportResponsePayload(
        object_type=obj.object_type, unique_identifier=obj.uid, managed_object=structure, **fields
    )


def _without_value(obj: ManagedObject) -> o.ManagedObject:
    """The material of a destroyed object is not returned, its attributes are."""
    if obj.object_type not in _KEYS:
        raise KmipError(ResultReason.OBJECT_DESTROYED, f"{obj.uid} was destroyed: nothing of it is left to export")
    algorithm = obj.attributes.get(Tag.CRYPTOGRAPHIC_ALGORITHM)
    block = o.KeyBlock(
        key_format_type=obj.attributes.get(Tag.KEY_FORMAT_TYPE, formats.default_format(obj.object_type, algorithm)),
        cryptographic_algorithm=algorithm,
        cryptographic_length=obj.attributes.get(Tag.CRYPTOGRAPHIC_LENGTH),
    )
    cls: Any = o.OBJECT_CLASSES[obj.object_type]
    made: o.ManagedObject = cls(key_block=block)
    return made
