"""Import (KMIP 1.4, 4.41; 2.1, 6.1.25): an object under the identifier and with the attributes it had elsewhere."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import Any

from kmipd.core import attributes as attrs
from kmipd.core import creation, digests, registration, vault, wrapping
from kmipd.core.errors import KmipError, StoreError
from kmipd.core.lifecycle import DESTROYED
from kmipd.core.model import AttributeSet, ManagedObject, Placement
from kmipd.core.registry_port import RegistryUnavailable
from kmipd.core.services import Context
from kmipd.spec import objects as o
from kmipd.spec.enumerations import KeyWrapType, ObjectType, ResultReason, State
from kmipd.spec.payloads import ImportRequestPayload, ImportResponsePayload
from kmipd.spec.tags import Tag

IDENTIFIER_SIZE_MAX = 255  # characters: four times what any server makes, and it is a key of an index
# What is the object's own or follows from where it is kept, and is never stored as an attribute.
_MADE_UP = (
    Tag.UNIQUE_IDENTIFIER,
    Tag.SHORT_UNIQUE_IDENTIFIER,
    Tag.OBJECT_TYPE,
    Tag.STATE,
    Tag.LEASE_TIME,
    Tag.KEY_VALUE_PRESENT,
)


def import_object(ctx: Context, request: ImportRequestPayload) -> ImportResponsePayload:
    structure = request.managed_object
    object_type = request.object_type or _type_of(structure)  # since 2.0 in the request, before in the object alone
    registration.require_class(object_type, structure)
    given = attrs.incoming(request.attribute, request.attributes, anybody=True)
    structure, inside = _as_stored(ctx, structure, request.key_wrap_type)
    given = creation.merged(inside, given)
    uid, replaced = _identity(ctx, request)
    state = _state(object_type, given)
    attributes = _attributes(ctx, object_type, structure, given)
    if replaced is None:
        made = creation.add_wrapped(
            ctx, object_type, structure, attributes, creation.new_lineage(ctx), uid, state=state
        )
    else:
        lineage = creation.Lineage(key_id=replaced.key_id, version=replaced.key_version)
        made = creation.wrapped(ctx, object_type, structure, attributes, lineage, uid, state=state)
        _replace(ctx, replaced, made)
    ctx.placeholder.set(made.uid)
    return ImportResponsePayload(unique_identifier=made.uid)


def _type_of(structure: o.ManagedObject) -> ObjectType:
    return next(t for t, cls in o.OBJECT_CLASSES.items() if isinstance(structure, cls))


def _identity(ctx: Context, request: ImportRequestPayload) -> tuple[str, ManagedObject | None]:
    """The identifier, and the object that has it now. One that a foreign object has is as good as taken: "the Unique
    Identifier provided in the request or assigned by the server"."""
    uid = request.unique_identifier
    if not isinstance(uid, str) or not 0 < len(uid) <= IDENTIFIER_SIZE_MAX or not uid.isprintable():
        raise KmipError(
            ResultReason.INVALID_FIELD, f"Unique Identifier must be text of 1 to {IDENTIFIER_SIZE_MAX} characters"
        )
    if ctx.unit.get(uid) is None:
        return uid, None
    try:
        there = ctx.find(uid, archived_too=True)
    except KmipError:  # another group's, or one that the client's ticket does not reach
        return creation.new_uid(ctx), None
    if not request.replace_existing:
        raise KmipError(ResultReason.OBJECT_ALREADY_EXISTS, f"there is an object {uid!r}; Replace Existing is not set")
    return uid, there


def _as_stored(
    ctx: Context, structure: o.ManagedObject, wrap_type: KeyWrapType | None
) -> tuple[o.ManagedObject, AttributeSet]:
    """Unwrapped when the request says so, with the attributes that were wrapped along."""
    block: o.KeyBlock | None = getattr(structure, "key_block", None)
    if wrap_type is not KeyWrapType.NOT_WRAPPED or block is None or block.key_wrapping_data is None:
        return structure, AttributeSet()
    clear: Any = wrapping.unwrap(ctx, structure)
    value: o.KeyValue = clear.key_block.key_value
    inside = attrs.incoming(value.attribute, value.attributes, anybody=True)
    bare = replace(clear.key_block, key_value=o.KeyValue(key_material=value.key_material))
    return replace(clear, key_block=bare), inside


def _state(object_type: ObjectType, given: AttributeSet) -> State | None:
    state: State = given.get(Tag.STATE, State.PRE_ACTIVE)
    if not isinstance(state, State) or state in DESTROYED:
        raise KmipError(ResultReason.INVALID_ATTRIBUTE_VALUE, "nothing that is there can be in this State")
    return None if object_type is ObjectType.TEMPLATE else state


def _attributes(ctx: Context, object_type: ObjectType, structure: o.ManagedObject, given: AttributeSet) -> AttributeSet:
    """What was supplied stands as it is; the server fills in what is missing."""
    if given.get(Tag.OBJECT_TYPE, object_type) is not object_type:
        raise KmipError(ResultReason.INVALID_ATTRIBUTE_VALUE, "the attribute Object Type is not that of the object")
    for tag in _MADE_UP:
        given = given.put(tag)
    _check_digests(ctx, structure, given)
    stated = registration.with_facts(given, registration.facts(structure))
    stated = registration.with_presence(stated, structure)
    return creation.merged(creation.complete(ctx, object_type, stated, generated=False), given)


def _check_digests(ctx: Context, structure: o.ManagedObject, given: AttributeSet) -> None:
    """A digest that comes along shows whether the material does."""
    ours = {(d.hashing_algorithm, d.key_format_type): d for d in digests.of_structure(ctx.services.codec, structure)}
    for digest in given.values(Tag.DIGEST):
        known = ours.get((digest.hashing_algorithm, digest.key_format_type))
        if known is not None and known.digest_value != digest.digest_value:
            raise KmipError(ResultReason.INVALID_ATTRIBUTE_VALUE, "the Digest is not that of the object imported")


def _replace(ctx: Context, old: ManagedObject, new: ManagedObject) -> None:
    """The row stands for the new object from the commit on. A token object of the old one goes after that; an intent
    says so before, in case nobody is left to do it."""
    creation.admit(ctx, new)
    ctx.unit.put(replace(new, row_version=old.row_version))
    ctx.touched = new.uid
    if old.placement is not Placement.RESIDENT:
        return
    registry = ctx.services.registry
    registry.open_intent(old.cka_id, old.store, "replaced by an import", ctx.now)

    def finish() -> None:
        # Best effort: what fails here is in the intents, and recovery will do it.
        with suppress(StoreError, RegistryUnavailable):
            vault.destroy(ctx, old)
            registry.drop_intent(old.cka_id)

    ctx.unit.after_commit(finish)
    ctx.unit.on_rollback(lambda: registry.drop_intent(old.cka_id))
