"""A new version of a key takes over from the old one (KMIP 1.4, 4.4 and 4.5: tables of dates and attributes).

The old object keeps its identifier and stays readable; the Name moves, links are set both ways, the dates are shifted.
"""

from __future__ import annotations

from dataclasses import replace

from kmipd.core.errors import KmipError
from kmipd.core.lifecycle import DESTROYED, effective_state, wrong_state
from kmipd.core.model import AttributeSet, ManagedObject
from kmipd.core.services import Context
from kmipd.spec.attributes import Link
from kmipd.spec.enumerations import LinkType, ObjectType, ResultReason
from kmipd.spec.tags import Tag

_DATES = (Tag.ACTIVATION_DATE, Tag.PROCESS_START_DATE, Tag.PROTECT_STOP_DATE, Tag.DEACTIVATION_DATE)
# What a replacement does not inherit: it belongs to the life of the old object, or is made anew.
_NOT_INHERITED = frozenset(
    {
        Tag.INITIAL_DATE,
        Tag.LAST_CHANGE_DATE,
        Tag.ORIGINAL_CREATION_DATE,
        Tag.DESTROY_DATE,
        Tag.COMPROMISE_DATE,
        Tag.COMPROMISE_OCCURRENCE_DATE,
        Tag.REVOCATION_REASON,
        Tag.ARCHIVE_DATE,
        Tag.DIGEST,
        Tag.FRESH,
        Tag.LINK,
        Tag.ALWAYS_SENSITIVE,
        Tag.NEVER_EXTRACTABLE,
        Tag.RANDOM_NUMBER_GENERATOR,
        Tag.PROTECTION_STORAGE_MASK,
    }
)


def require_current(ctx: Context, obj: ManagedObject, object_type: ObjectType, action: str) -> None:
    """Only the newest version of a key that is not destroyed can be replaced."""
    if obj.object_type is not object_type:
        raise KmipError(ResultReason.ILLEGAL_OBJECT_TYPE, f"{action} is not for this type of object")
    state = effective_state(obj, ctx.now)
    if state in DESTROYED:
        raise wrong_state(obj, action, state)
    for link in obj.attributes.values(Tag.LINK):
        if link.link_type is LinkType.REPLACEMENT_OBJECT_LINK:
            raise KmipError(
                ResultReason.PERMISSION_DENIED,
                f"{obj.uid} was replaced by {link.linked_object_identifier} already: re-key that one",
            )


def inherited(ctx: Context, old: ManagedObject, offset: int | None) -> AttributeSet:
    """The attributes of the replacement before the client's own wishes; `offset` in seconds."""
    attributes = AttributeSet(
        {key: old.attributes.instances(key) for key in old.attributes if key not in _NOT_INHERITED}
    )
    if offset is None:
        return attributes
    shift = ctx.now + offset - old.attributes.get(Tag.ACTIVATION_DATE, ctx.now + offset)
    for tag in _DATES[1:]:
        if tag in attributes:
            attributes = attributes.put(tag, attributes.get(tag) + shift)
    return attributes.put(Tag.ACTIVATION_DATE, ctx.now + offset)


def with_replaced_link(attributes: AttributeSet, old: ManagedObject) -> AttributeSet:
    link = Link(link_type=LinkType.REPLACED_OBJECT_LINK, linked_object_identifier=old.uid)
    return attributes.append(Tag.LINK, link)


def hand_over(ctx: Context, old: ManagedObject, new_uid: str) -> None:
    """The old object gives up its Names and points to its replacement."""
    link = Link(link_type=LinkType.REPLACEMENT_OBJECT_LINK, linked_object_identifier=new_uid)
    current = ctx.find(old.uid)
    attributes = current.attributes.append(Tag.LINK, link).put(Tag.LAST_CHANGE_DATE, ctx.now)
    ctx.unit.put(replace(current, attributes=attributes))


def give_up_names(ctx: Context, old: ManagedObject) -> None:
    """Before the replacement claims them: a Name stands for one object at a time."""
    current = ctx.find(old.uid)
    ctx.unit.put(replace(current, attributes=current.attributes.put(Tag.NAME)))
