"""Where key material comes from and goes to: token objects, sealed blobs, and the only paths between them.

Material in clear exists here for the length of a call, as the return value of a function. Making a token object is
bracketed by an intent, so that after a crash somebody knows what to look for.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

from kmipd.core import formats
from kmipd.core.errors import KmipError, MechanismUnavailable, StoreError, StoreRefused, TokenKeyMissing
from kmipd.core.model import ManagedObject, Placement
from kmipd.core.ports import KeyStore, KeyTemplate, TokenKey
from kmipd.core.registry_port import RegistryUnavailable
from kmipd.core.services import Context, Services
from kmipd.spec import objects as o
from kmipd.spec.enumerations import CryptographicAlgorithm, KeyFormatType, ObjectType, ResultReason
from kmipd.spec.tags import Tag
from kmipd.spec.values import quick

T = TypeVar("T")
CKA_ID_SIZE = 16


@quick
@dataclass(frozen=True, slots=True)
class Sealed:
    wrapping_key: bytes
    blob: bytes


def additional_data(uid: str, object_type: ObjectType, key_version: int) -> bytes:
    """Bound into every seal: a blob moved to another row, type or version does not open."""
    return f"kmipd:1:{uid}:{int(object_type)}:{key_version}".encode()


def seal(ctx: Context, structure: o.ManagedObject, uid: str, object_type: ObjectType, key_version: int) -> Sealed:
    """Seal an object exactly as it is, to be given back exactly so."""
    plain = ctx.services.codec.dump(structure)
    return seal_bytes(ctx.services, ctx.store, plain, additional_data(uid, object_type, key_version))


def seal_bytes(services: Services, store: KeyStore, plain: bytes, data: bytes) -> Sealed:
    """Seal anything that must not stand in the registry in clear; `data` binds it to its place."""
    wrapping_key = services.registry.take_wrapping_use(store.name)
    if wrapping_key is None:
        make_wrapping_key(services, store)
        wrapping_key = services.registry.take_wrapping_use(store.name)
    if wrapping_key is None:
        raise KmipError(ResultReason.GENERAL_FAILURE, "the key store has no wrapping key and none could be made")
    return Sealed(wrapping_key, store.seal(wrapping_key, plain, data))


def make_wrapping_key(services: Services, store: KeyStore) -> None:
    """A new key for seals; the one before stays, to open what it sealed."""
    now = services.clock.now()
    cka_id = store.random(CKA_ID_SIZE)
    services.registry.open_intent(cka_id, store.name, "wrapping key", now)
    store.create_wrapping_key(cka_id)
    services.registry.add_wrapping_key(cka_id, store.name, services.settings.wrapping_key_uses_max, now)


def ensure_wrapping_key(services: Services, store: KeyStore) -> None:
    """A store that has no wrapping key yet, or none with a use left, gets one."""
    if services.registry.take_wrapping_use(store.name) is None:
        make_wrapping_key(services, store)


def generate(ctx: Context, template: KeyTemplate) -> TokenKey:
    """A resident secret key. It is destroyed again unless the unit of work commits."""
    store = ctx.store
    return store.generate_key(_intend(ctx, store, "key"), template)


def generate_pair(ctx: Context, template: KeyTemplate) -> tuple[TokenKey, bytes]:
    """A resident private key, and its public key as SubjectPublicKeyInfo DER."""
    store = ctx.store
    return store.generate_key_pair(_intend(ctx, store, "key pair"), template)


def _intend(ctx: Context, store: KeyStore, purpose: str) -> bytes:
    services = ctx.services
    cka_id = store.random(CKA_ID_SIZE)
    services.registry.open_intent(cka_id, store.name, purpose, ctx.now)
    ctx.unit.close_intent(cka_id)

    def take_back() -> None:
        # Best effort: what fails here is in the intents, and recovery will do it.
        with suppress(StoreError, RegistryUnavailable):
            store.destroy(cka_id)
            services.registry.drop_intent(cka_id)

    ctx.unit.on_rollback(take_back)
    return cka_id


def structure_of(ctx: Context, obj: ManagedObject) -> o.ManagedObject:
    """The object with its material, as it was registered or, for generated keys, in the default format."""
    if obj.placement is Placement.WRAPPED:
        data = additional_data(obj.uid, obj.object_type, obj.key_version)
        try:
            plain = ctx.store_of(obj).unseal(obj.wrapping_key, obj.sealed, data)
        except StoreRefused:
            raise KmipError(
                ResultReason.GENERAL_FAILURE, f"the stored material of {obj.uid} is not what was sealed for it"
            ) from None
        structure: o.ManagedObject = ctx.services.codec.load(o.OBJECT_CLASSES[obj.object_type], plain)
        return structure
    key = obj.token_key
    return key_structure(obj.object_type, key.algorithm, key.length, _release(ctx, obj, key))


def material_of(ctx: Context, obj: ManagedObject) -> bytes:
    """Canonical material (see `formats`) for cryptography in software."""
    if obj.placement is Placement.RESIDENT:
        return _release(ctx, obj, obj.token_key)
    return formats.canonical(structure_of(ctx, obj))


def _release(ctx: Context, obj: ManagedObject, key: TokenKey) -> bytes:
    if obj.placement is not Placement.RESIDENT:
        raise KmipError(ResultReason.OBJECT_DESTROYED, f"{obj.uid} was destroyed")
    if not obj.attributes.get(Tag.EXTRACTABLE, True):
        raise KmipError(ResultReason.NOT_EXTRACTABLE, f"{obj.uid} is not extractable: it never leaves the token")
    released = ctx.store_of(obj).release(key)
    try:
        return bytes(released)
    finally:
        released[:] = bytes(len(released))


def key_structure(
    object_type: ObjectType, algorithm: CryptographicAlgorithm | None, length: int | None, material: bytes
) -> o.ManagedObject:
    """A key made by this server, around canonical material, in the default format of its type."""
    key_format = formats.default_format(object_type, algorithm)
    return in_block(object_type, key_format, algorithm, length, material)


def in_block(
    object_type: ObjectType,
    key_format: KeyFormatType,
    algorithm: CryptographicAlgorithm | None,
    length: int | None,
    material: bytes,
) -> o.ManagedObject:
    block = o.KeyBlock(
        key_format_type=key_format,
        key_value=o.KeyValue(key_material=formats.material_in(object_type, key_format, material)),
        cryptographic_algorithm=algorithm,
        cryptographic_length=length,
    )
    cls: Any = o.OBJECT_CLASSES[object_type]
    made: o.ManagedObject = cls(key_block=block)
    return made


def in_token_or_software(
    ctx: Context, obj: ManagedObject, token: Callable[[KeyStore, TokenKey], T], software: Callable[[bytes], T]
) -> T:
    """Run in the token when the key lives there and the mechanism exists, else on material held for the call."""
    if obj.placement is Placement.RESIDENT:
        try:
            result = token(ctx.store_of(obj), obj.token_key)
        except MechanismUnavailable:
            if not obj.attributes.get(Tag.EXTRACTABLE, True):
                raise
        else:
            ctx.place = "token"
            return result
    ctx.place = "software"
    return software(material_of(ctx, obj))


def destroy(ctx: Context, obj: ManagedObject) -> None:
    """Take the token object of a row that is already marked away. The row forgets it only when the token said so."""
    try:
        ctx.store_of(obj).destroy(obj.cka_id)
    except TokenKeyMissing:
        return
