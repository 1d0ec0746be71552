"""Words a version does not know, found in raw items, without the codec's own tables."""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum, IntFlag

from kmipd.spec import enumerations as e
from kmipd.spec import introduced, masks
from kmipd.spec.attributes import by_name
from kmipd.spec.history import withdrawn
from kmipd.spec.kinds import Item, ItemType
from kmipd.spec.names import class_name
from kmipd.spec.tags import Tag
from kmipd.spec.versions import V2_0, Version

#: Enumerations whose name is not that of the tag that carries them.
ENUMERATIONS: dict[Tag, type[IntEnum]] = {
    Tag.ATTRIBUTE_REFERENCE: Tag,
    Tag.DATA: e.DataEnum,
    Tag.EXTENSION_TYPE: ItemType,
    Tag.LINKED_OBJECT_IDENTIFIER: e.UniqueIdentifierEnum,
    Tag.MASK_GENERATOR_HASHING_ALGORITHM: e.HashingAlgorithm,
    Tag.PKCS_11_FUNCTION: e.PKCS11Function,
    Tag.PKCS_11_RETURN_CODE: e.PKCS11ReturnCode,
    Tag.PRIVATE_KEY_UNIQUE_IDENTIFIER: e.UniqueIdentifierEnum,
    Tag.PUBLIC_KEY_UNIQUE_IDENTIFIER: e.UniqueIdentifierEnum,
    Tag.UNIQUE_IDENTIFIER: e.UniqueIdentifierEnum,
}
MASKS: dict[Tag, type[IntFlag]] = {
    Tag.CRYPTOGRAPHIC_USAGE_MASK: masks.CryptographicUsageMask,
    Tag.STORAGE_STATUS_MASK: masks.StorageStatusMask,
    Tag.PROTECTION_STORAGE_MASK: masks.ProtectionStorageMask,
}


def enumeration_of(tag: int) -> type[IntEnum] | None:
    """The enumeration a tag carries; None for unknown tags and enumerations."""
    if tag not in Tag._value2member_map_:
        return None
    known = Tag(tag)
    return ENUMERATIONS.get(known) or getattr(e, class_name(known), None)


def newer_words(item: Item, version: Version, path: str = "", named: Tag | None = None) -> Iterator[str]:
    """Every tag, attribute, enumeration value and mask bit in `item` that is not of `version`.

    `named` is the attribute an Attribute Value belongs to. Not reported: the Operation of a batch item, which repeats
    the request, and mask bits that 2.0 took away, which are what the object was given.
    """
    known = Tag(item.tag) if item.tag in Tag._value2member_map_ else None
    here = f"{path}/{known.name if known else f'{item.tag:06X}'}"
    if known is not None and _strange(known, version):
        yield f"{here}: the tag"
    if isinstance(item.value, tuple):
        yield from _inside(item.value, version, here)
        return
    meant = named if known is Tag.ATTRIBUTE_VALUE and named is not None else known
    if meant is None or not isinstance(item.value, int):
        return
    if item.kind is ItemType.ENUMERATION:
        cls = enumeration_of(meant)
        if cls is not None and item.value in cls._value2member_map_ and _strange(cls(item.value), version):
            yield f"{here}: {cls(item.value)!r}"
    elif item.kind is ItemType.INTEGER and meant in MASKS:
        yield from (f"{here}: {bit!r}" for bit in MASKS[meant](item.value) if introduced(bit) > version)


def _inside(children: tuple[Item, ...], version: Version, here: str) -> Iterator[str]:
    echoes = any(child.tag == Tag.RESULT_STATUS for child in children)
    named: Tag | None = None
    for child in children:
        if child.tag == Tag.ATTRIBUTE_NAME and isinstance(child.value, str):
            rule = by_name(child.value) if version < V2_0 else None
            named = rule.tag if rule is not None else None
            if rule is not None and not rule.in_version(version):
                yield f"{here}: the attribute {rule.name}"
        if not (echoes and child.tag == Tag.OPERATION):
            yield from newer_words(child, version, here, named)


def _strange(word: IntEnum, version: Version) -> bool:
    last = withdrawn(word)
    return introduced(word) > version or (last is not None and last < version)


def newest(cls: type[IntEnum]) -> IntEnum | int:
    """The youngest member of an enumeration that is still in use; a vendor's where the standard names none."""
    members = [member for member in cls if withdrawn(member) is None]
    return max(members, key=introduced) if members else 0x80000001
