"""What every way of making an object shares: the attributes it gets, its name, its dates, where it lives.

Create, Register, Re-key and Derive Key differ in where the material comes from; the rest is here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from kmipd.core import attributes as attrs
from kmipd.core import digests, group_rules, vault
from kmipd.core.algorithms.errors import name_of
from kmipd.core.errors import KmipError
from kmipd.core.model import AttributeKey, AttributeSet, ManagedObject, Placement
from kmipd.core.policy import require_right
from kmipd.core.ports import KeyTemplate, TokenKey
from kmipd.core.registry_port import Filter, LocateQuery, Match
from kmipd.core.services import Context
from kmipd.spec import objects as o
from kmipd.spec.attributes import Attribute, Attributes, RNGParameters, TemplateAttribute
from kmipd.spec.enumerations import CryptographicAlgorithm as CA
from kmipd.spec.enumerations import LinkType, ObjectType, ResultReason, RNGAlgorithm, State
from kmipd.spec.masks import CryptographicUsageMask, ProtectionStorageMask
from kmipd.spec.payloads.parts import ProtectionStorageMasks
from kmipd.spec.tags import Tag
from kmipd.spec.values import quick

# Which date may not lie before which (KMIP 1.4, 3.25 to 3.27). A key may stop protecting before it starts processing.
_DATE_ORDER = (
    (Tag.ACTIVATION_DATE, Tag.PROCESS_START_DATE),
    (Tag.ACTIVATION_DATE, Tag.DEACTIVATION_DATE),
    (Tag.PROTECT_STOP_DATE, Tag.DEACTIVATION_DATE),
)
_BROKEN_BY_SHOR = frozenset(
    {CA.RSA, CA.DSA, CA.DH, CA.EC, CA.ECDSA, CA.ECDH, CA.ECMQV, CA.ED25519, CA.ED448, CA.SM2, CA.GOST_R34_10_2012}
)
DEFAULT_POLICY_NAME = "default"
_OTHER_HALF = frozenset({LinkType.PRIVATE_KEY_LINK, LinkType.PUBLIC_KEY_LINK})
_RNG = RNGParameters(rng_algorithm=RNGAlgorithm.UNSPECIFIED)


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class Lineage:
    """Which key a new object is a version of."""

    key_id: str
    version: int = 1


def new_lineage(ctx: Context) -> Lineage:
    return Lineage(key_id=new_uid(ctx))


def new_uid(ctx: Context) -> str:
    return ctx.services.registry.new_identifier()


def requested(ctx: Context, *templates: TemplateAttribute | None, attributes: Attributes | None = None) -> AttributeSet:
    """What the client asks for: the attributes of named templates first, then those it lists itself."""
    listed: list[Attribute] = []
    for template in templates:
        if template is not None:
            for name in template.name:
                listed.extend(_template_attributes(ctx, name))
            listed.extend(template.attribute)
    return attrs.incoming(listed, attributes)


def _template_attributes(ctx: Context, name: object) -> tuple[Attribute, ...]:
    condition = Filter(Tag.NAME, Match.EQUAL, name)
    group = ctx.principal.group
    found = ctx.unit.locate(
        LocateQuery(group=group, filters=(condition,), object_type=ObjectType.TEMPLATE, now=ctx.now)
    )
    if not found.uids:
        raise KmipError(ResultReason.ITEM_NOT_FOUND, "there is no template of this name")
    template = vault.structure_of(ctx, ctx.find(found.uids[0]))
    listed = template.attribute if isinstance(template, o.Template) else ()
    # A template states its own Name among its attributes (1.0, 2.2.6); what is made from it gets another one.
    return tuple(a for a in listed if a.attribute_name != attrs.title(Tag.NAME))


def merged(base: AttributeSet, over: AttributeSet) -> AttributeSet:
    """`base`, with every attribute that `over` has taken from there."""
    for key in over:
        base = base.put_instances(key, over.instances(key))
    return base


def complete(ctx: Context, object_type: ObjectType, wanted: AttributeSet, *, generated: bool) -> AttributeSet:
    """The attributes of a new object: what was asked for, and what the server always sets."""
    check_dates(wanted)
    _check_quantum_safe(wanted)
    server: dict[AttributeKey, Any] = {Tag.INITIAL_DATE: ctx.now, Tag.LAST_CHANGE_DATE: ctx.now}
    if Tag.OPERATION_POLICY_NAME not in wanted:
        server[Tag.OPERATION_POLICY_NAME] = DEFAULT_POLICY_NAME
    if object_type is ObjectType.TEMPLATE:
        return wanted.put_all(server)
    sensitive, extractable = wanted.get(Tag.SENSITIVE, False), wanted.get(Tag.EXTRACTABLE, True)
    server[Tag.SENSITIVE] = server[Tag.ALWAYS_SENSITIVE] = sensitive
    server[Tag.EXTRACTABLE] = extractable
    server[Tag.NEVER_EXTRACTABLE] = not extractable
    server[Tag.FRESH] = wanted.get(Tag.FRESH, True)
    if object_type is not ObjectType.OPAQUE_OBJECT and Tag.CRYPTOGRAPHIC_USAGE_MASK not in wanted:
        server[Tag.CRYPTOGRAPHIC_USAGE_MASK] = CryptographicUsageMask(0)
    if generated:
        server[Tag.ORIGINAL_CREATION_DATE] = wanted.get(Tag.ORIGINAL_CREATION_DATE, ctx.now)
        server[Tag.RANDOM_NUMBER_GENERATOR] = _RNG
    limits = wanted.get(Tag.USAGE_LIMITS)
    if limits is not None:
        server[Tag.USAGE_LIMITS] = replace(limits, usage_limits_count=limits.usage_limits_total)
    return wanted.put_all(server)


def check_dates(wanted: AttributeSet) -> None:
    for earlier, later in _DATE_ORDER:
        if earlier in wanted and later in wanted and wanted.get(later) < wanted.get(earlier):
            raise KmipError(
                ResultReason.INVALID_ATTRIBUTE_VALUE, f"{attrs.title(later)} lies before {attrs.title(earlier)}"
            )


def _check_quantum_safe(wanted: AttributeSet) -> None:
    """What is required to be Quantum Safe (2.1, 4.45) is not made of what a quantum computer breaks."""
    algorithm = wanted.get(Tag.CRYPTOGRAPHIC_ALGORITHM)
    if wanted.get(Tag.QUANTUM_SAFE) and algorithm in _BROKEN_BY_SHOR:
        raise KmipError(
            ResultReason.INVALID_ATTRIBUTE_VALUE, f"Quantum Safe: {name_of(algorithm)} keys are not, at any length"
        )


def claim_names(ctx: Context, uid: str, attributes: AttributeSet) -> None:
    """A Name stands for one object of a group, or for both halves of a key pair."""
    names = attributes.values(Tag.NAME)
    if not names or not ctx.services.settings.unique_names:
        return
    shared = _names_of_other_half(ctx, attributes)
    for name in names:
        if name not in shared:
            ctx.unit.require_unique_name(ctx.principal.group, name, uid)


def _names_of_other_half(ctx: Context, attributes: AttributeSet) -> tuple[Any, ...]:
    """Clients name a pair once, in the common attributes of Create Key Pair."""
    for link in attributes.values(Tag.LINK):
        if link.link_type in _OTHER_HALF and isinstance(link.linked_object_identifier, str):
            other = ctx.unit.get(link.linked_object_identifier)
            if other is not None and other.group == ctx.principal.group:
                return other.attributes.values(Tag.NAME)
    return ()


def place(ctx: Context, template: KeyTemplate, asked: ProtectionStorageMasks | None) -> Placement:
    """Where a generated key goes: as asked (2.x), else as the group's setting says, else where it can."""
    preferred = ctx.services.settings.placement_for(ctx.principal.group)
    if preferred is Placement.WRAPPED and asked is None:
        return Placement.WRAPPED
    holds = ctx.store.can_hold(template)
    for mask in asked.protection_storage_mask if asked is not None else ():
        if mask & ProtectionStorageMask.HARDWARE and holds:
            return Placement.RESIDENT
        if mask & ProtectionStorageMask.SOFTWARE:
            return Placement.WRAPPED
    if asked is not None and asked.protection_storage_mask:
        raise KmipError(
            ResultReason.PROTECTION_STORAGE_UNAVAILABLE,
            "no protection storage of the kinds asked for can hold this key",
        )
    return Placement.RESIDENT if preferred is Placement.RESIDENT and holds else Placement.WRAPPED


def require_software(asked: ProtectionStorageMasks | None) -> None:
    """What has passed through this process is kept sealed, whatever a client would like."""
    masks = asked.protection_storage_mask if asked is not None else ()
    if masks and not any(mask & ProtectionStorageMask.SOFTWARE for mask in masks):
        raise KmipError(
            ResultReason.PROTECTION_STORAGE_UNAVAILABLE, "this object can be kept in protection storage Software only"
        )


def add_resident(
    ctx: Context, object_type: ObjectType, key: TokenKey, attributes: AttributeSet, lineage: Lineage, uid: str
) -> ManagedObject:
    """Record a key that was just made in the token."""
    attributes = attributes.put(Tag.PROTECTION_STORAGE_MASK, ProtectionStorageMask.HARDWARE)
    where = {"placement": Placement.RESIDENT, "cka_id": key.cka_id, "material_size": key.material_size}
    return _add(ctx, _object(ctx, object_type, attributes, lineage, uid, where))


def add_wrapped(
    ctx: Context,
    object_type: ObjectType,
    structure: o.ManagedObject,
    attributes: AttributeSet,
    lineage: Lineage,
    uid: str,
    *,
    state: State | None = State.PRE_ACTIVE,
) -> ManagedObject:
    """Record an object whose material is sealed into the registry."""
    return _add(ctx, wrapped(ctx, object_type, structure, attributes, lineage, uid, state=state))


def wrapped(
    ctx: Context,
    object_type: ObjectType,
    structure: o.ManagedObject,
    attributes: AttributeSet,
    lineage: Lineage,
    uid: str,
    *,
    state: State | None = State.PRE_ACTIVE,
) -> ManagedObject:
    """An object whose material is sealed, not yet recorded."""
    attributes = attributes.put(Tag.PROTECTION_STORAGE_MASK, ProtectionStorageMask.SOFTWARE)
    if Tag.DIGEST not in attributes:
        attributes = attributes.put(Tag.DIGEST, *digests.of_structure(ctx.services.codec, structure))
    sealed = vault.seal(ctx, structure, uid, object_type, lineage.version)
    where = {"placement": Placement.WRAPPED, "wrapping_key": sealed.wrapping_key, "sealed": sealed.blob}
    return _object(ctx, object_type, attributes, lineage, uid, where, state)


def _object(
    ctx: Context,
    object_type: ObjectType,
    attributes: AttributeSet,
    lineage: Lineage,
    uid: str,
    where: Mapping[str, Any],
    state: State | None = State.PRE_ACTIVE,
) -> ManagedObject:
    return ManagedObject(
        uid=uid,
        object_type=object_type,
        group=ctx.principal.group,
        owner=ctx.principal.name,
        key_id=lineage.key_id,
        key_version=lineage.version,
        store=ctx.store.name,
        attributes=attributes,
        state=None if object_type is ObjectType.TEMPLATE else state,
        **where,
    )


def admit(ctx: Context, obj: ManagedObject) -> None:
    """A new object, or one that takes another's place, is one the client may make and keeps to its group's rules."""
    if ctx.granted is not None:
        require_right(ctx.granted, obj)
    group_rules.require_satisfied(ctx, obj)
    claim_names(ctx, obj.uid, obj.attributes)


def _add(ctx: Context, obj: ManagedObject) -> ManagedObject:
    admit(ctx, obj)
    ctx.unit.add(obj)
    ctx.touched = obj.uid
    return obj
