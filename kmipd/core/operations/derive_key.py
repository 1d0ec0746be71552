"""Derive Key (KMIP 1.4, 4.6; 2.1, 6.1.13). What comes out has passed through this process, so it is kept wrapped."""

from __future__ import annotations

from dataclasses import replace

from kmipd.core import creation, formats, group_rules, release, usage, vault
from kmipd.core.algorithms.derivation import Derivation, derive
from kmipd.core.errors import KmipError
from kmipd.core.lifecycle import DESTROYED, effective_state, wrong_state
from kmipd.core.model import AttributeSet, ManagedObject
from kmipd.core.ports import CipherParameters
from kmipd.core.services import Context
from kmipd.spec import objects as o
from kmipd.spec.attributes import CryptographicParameters, Link
from kmipd.spec.enumerations import (
    CryptographicAlgorithm,
    DerivationMethod,
    KeyFormatType,
    LinkType,
    ObjectType,
    ResultReason,
    SecretDataType,
)
from kmipd.spec.enumerations import UniqueIdentifierEnum as U
from kmipd.spec.masks import CryptographicUsageMask
from kmipd.spec.payloads import DeriveKeyRequestPayload, DeriveKeyResponsePayload
from kmipd.spec.tags import Tag

_MADE = frozenset({ObjectType.SYMMETRIC_KEY, ObjectType.SECRET_DATA})
# Links of a base to what was derived from it: each is written with every change of the base, and a storage system
# derives one key for every volume.
DERIVED_LINKS_MAX = 100


def derive_key(ctx: Context, request: DeriveKeyRequestPayload) -> DeriveKeyResponsePayload:
    if request.object_type not in _MADE:
        raise KmipError(ResultReason.INVALID_OBJECT_TYPE, "Derive Key makes symmetric keys and secret data")
    if not request.unique_identifier:
        raise KmipError(ResultReason.INVALID_MESSAGE, "Derive Key needs a key to derive from")
    bases = [_base(ctx, uid) for uid in request.unique_identifier]
    wanted = creation.requested(ctx, request.template_attribute, attributes=request.attributes)
    wanted = group_rules.filled_in(ctx, request.object_type, wanted)
    length = wanted.get(Tag.CRYPTOGRAPHIC_LENGTH)
    if not isinstance(length, int) or length <= 0 or length % 8:
        raise KmipError(ResultReason.INVALID_ATTRIBUTE_VALUE, "Cryptographic Length must be given, in whole bytes")
    material = derive(_derivation(ctx, request, bases, length // 8))
    uid = creation.new_uid(ctx)
    for base in bases:
        link = Link(link_type=LinkType.DERIVATION_BASE_OBJECT_LINK, linked_object_identifier=base.uid)
        wanted = wanted.append(Tag.LINK, link)
    attributes = creation.complete(ctx, request.object_type, wanted, generated=True)
    attributes = attributes.put(Tag.KEY_FORMAT_TYPE, formats.default_format(request.object_type, None))
    structure = _structure(request.object_type, wanted, material)
    made = creation.add_wrapped(ctx, request.object_type, structure, attributes, creation.new_lineage(ctx), uid)
    _link_back(ctx, bases, made.uid)
    ctx.touched = made.uid
    ctx.place = "software"
    ctx.placeholder.set(made.uid, U.DERIVE_KEY)
    return DeriveKeyResponsePayload(unique_identifier=made.uid)


def _base(ctx: Context, given: str | int) -> ManagedObject:
    """Any state but destroyed: clients derive from keys they never activated."""
    obj = ctx.object(given)
    state = effective_state(obj, ctx.now)
    if state in DESTROYED:
        raise wrong_state(obj, "Derive Key", state)
    usage.require_mask(obj, CryptographicUsageMask.DERIVE_KEY, "Derive Key")
    return obj


def _derivation(ctx: Context, request: DeriveKeyRequestPayload, bases: list[ManagedObject], length: int) -> Derivation:
    given = request.derivation_parameters
    if request.derivation_method is DerivationMethod.ASYMMETRIC_KEY:
        private, public = _halves(bases)
        key, data = vault.material_of(ctx, private), vault.material_of(ctx, public)
        return Derivation(method=request.derivation_method, key=key, data=data, length=length)
    base = bases[0]
    parameters = given.cryptographic_parameters or base.attributes.get(Tag.CRYPTOGRAPHIC_PARAMETERS)
    stated: CryptographicParameters = parameters or CryptographicParameters()
    data = given.derivation_data or b""
    if not data and len(bases) > 1:
        _require_disclosable(ctx, request.derivation_method, bases[1])
        data = vault.material_of(ctx, bases[1])
    cipher = None
    if request.derivation_method is DerivationMethod.ENCRYPT:
        cipher = _cipher(base, stated, given.initialization_vector or b"")
    return Derivation(
        method=request.derivation_method,
        key=vault.material_of(ctx, base),
        data=data,
        length=length,
        hashing_algorithm=stated.hashing_algorithm,
        cipher=cipher,
        salt=given.salt or given.initialization_vector or b"",
        iterations=given.iteration_count or 0,
    )


def _halves(bases: list[ManagedObject]) -> tuple[ManagedObject, ManagedObject]:
    """A private key and somebody's public key, in either order."""
    by_type = {base.object_type: base for base in bases}
    private, public = by_type.get(ObjectType.PRIVATE_KEY), by_type.get(ObjectType.PUBLIC_KEY)
    if len(bases) != 2 or private is None or public is None:
        raise KmipError(ResultReason.INVALID_OBJECT_TYPE, "key agreement needs a private key and a public key")
    return private, public


def _require_disclosable(ctx: Context, method: DerivationMethod, data: ManagedObject) -> None:
    """Enciphered under a key that the client may know, the data is as good as given out in clear."""
    stays = data.attributes.get(Tag.SENSITIVE) or not data.attributes.get(Tag.EXTRACTABLE, True)
    stays = stays or release.withheld(ctx, data)
    if method is DerivationMethod.ENCRYPT and stays:
        raise KmipError(
            ResultReason.PERMISSION_DENIED, f"Derive Key: {data.uid} does not leave: it is not enciphered either"
        )


def _cipher(base: ManagedObject, stated: CryptographicParameters, iv: bytes) -> CipherParameters:
    algorithm = stated.cryptographic_algorithm or base.attributes.get(Tag.CRYPTOGRAPHIC_ALGORITHM)
    if not isinstance(algorithm, CryptographicAlgorithm) or stated.block_cipher_mode is None:
        raise KmipError(ResultReason.BAD_CRYPTOGRAPHIC_PARAMETERS, "derivation by encryption needs algorithm and mode")
    return CipherParameters(
        algorithm=algorithm, block_cipher_mode=stated.block_cipher_mode, padding_method=stated.padding_method, iv=iv
    )


def _structure(object_type: ObjectType, wanted: AttributeSet, material: bytes) -> o.ManagedObject:
    if object_type is ObjectType.SYMMETRIC_KEY:
        algorithm = wanted.get(Tag.CRYPTOGRAPHIC_ALGORITHM)
        if algorithm is None:
            raise KmipError(ResultReason.INVALID_ATTRIBUTE, "Cryptographic Algorithm of the derived key is missing")
        return vault.key_structure(object_type, algorithm, len(material) * 8, material)
    block = o.KeyBlock(key_format_type=KeyFormatType.RAW, key_value=o.KeyValue(key_material=material))
    return o.SecretData(secret_data_type=SecretDataType.SEED, key_block=block)


def _link_back(ctx: Context, bases: list[ManagedObject], uid: str) -> None:
    """A base lists the first keys derived from it; every derived key names its bases, however many there are."""
    link = Link(link_type=LinkType.DERIVED_KEY_LINK, linked_object_identifier=uid)
    for base in bases:
        current = ctx.find(base.uid)
        listed = [x for x in current.attributes.values(Tag.LINK) if x.link_type is LinkType.DERIVED_KEY_LINK]
        if len(listed) >= DERIVED_LINKS_MAX:
            continue
        ctx.unit.put(replace(current, attributes=current.attributes.append(Tag.LINK, link)))
