"""Export and Import: what goes out comes back the same, under the same identifier, and nothing is lost on the way."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

import pytest

from kmipd.core import recovery
from kmipd.core.errors import StoreUnavailable
from kmipd.core.model import Placement, Principal
from kmipd.spec import objects as o
from kmipd.spec import payloads as p
from kmipd.spec.attributes import CryptographicParameters, Digest
from kmipd.spec.enumerations import (
    BlockCipherMode,
    CryptographicAlgorithm,
    EncodingOption,
    HashingAlgorithm,
    KeyFormatType,
    KeyWrapType,
    ObjectType,
    Operation,
    ResultReason,
    State,
    WrappingMethod,
)
from kmipd.spec.masks import CryptographicUsageMask as Mask
from kmipd.spec.payloads.parts import Constraint, Constraints, ObjectTypes
from kmipd.spec.tags import Tag
from kmipd.spec.versions import V1_3, V1_4, V2_0, V2_1, Version
from tests.core.conftest import Service
from tests.support.asking import (
    activate,
    attributes_of,
    create,
    create_pair,
    destroy,
    get,
    material,
    name,
    register,
    revoke,
    symmetric,
)
from tests.support.client import attributes

MATERIAL = bytes(range(16))


@pytest.fixture
def service(service: Service) -> Service:
    service.version = V2_1
    return service


def _export(service: Service, uid: str, **options: Any) -> Any:
    return service.call(Operation.EXPORT, p.ExportRequestPayload(unique_identifier=uid, **options))


def _import(exported: Any, **changes: Any) -> p.ImportRequestPayload:
    fields = {
        "unique_identifier": exported.unique_identifier,
        "object_type": exported.object_type,
        "attribute": exported.attribute,
        "attributes": exported.attributes,
        "managed_object": exported.managed_object,
    }
    return p.ImportRequestPayload(**(fields | changes))


@pytest.mark.parametrize("version", [V1_4, V2_0, V2_1])
def test_what_was_exported_can_be_imported_elsewhere(service: Service, version: Version) -> None:
    service.version = version
    uid = create(service, (Tag.NAME, name("export")), ("x-note", "kept"), length=128)
    activate(service, uid)
    exported = _export(service, uid)
    before = attributes_of(service, uid)
    service.principal = Principal(f"elsewhere-{version}", f"elsewhere-{version}")
    moved = _import(exported, unique_identifier=f"moved-{version}-{uid}")
    made = service.call(Operation.IMPORT, moved).unique_identifier
    assert made == f"moved-{version}-{uid}"
    after = attributes_of(service, made)
    own = {"Unique Identifier", "Short Unique Identifier", "Protection Storage Mask", "Fresh"}
    assert {k: v for k, v in after.items() if k not in own} == {k: v for k, v in before.items() if k not in own}
    assert material(service, made) == exported.managed_object.key_block.key_value.key_material


def test_an_identifier_that_is_taken(service: Service) -> None:
    uid = create(service, length=128)
    exported = _export(service, uid)
    assert service.refusal(Operation.IMPORT, _import(exported)) is ResultReason.OBJECT_ALREADY_EXISTS
    assert service.refusal(Operation.IMPORT, _import(exported), version=V1_3) is ResultReason.OPERATION_NOT_SUPPORTED
    owner, service.principal = service.principal, Principal("stranger", "stranger")
    made = service.call(Operation.IMPORT, _import(exported, replace_existing=True)).unique_identifier
    assert made != uid, "the server assigns one, and the foreign object stays"
    service.principal = owner
    assert attributes_of(service, uid)["Fresh"] is False


@pytest.mark.parametrize("bad", ["", "x" * 256, "line\nbreak", 7])
def test_an_identifier_that_is_none(service: Service, bad: Any) -> None:
    exported = _export(service, create(service))
    request = _import(exported, unique_identifier=bad)
    assert service.refusal(Operation.IMPORT, request) is ResultReason.INVALID_FIELD


def _plain(uid: str, *more: Any, **options: Any) -> p.ImportRequestPayload:
    return p.ImportRequestPayload(
        unique_identifier=uid,
        object_type=ObjectType.SYMMETRIC_KEY,
        attributes=attributes(((Tag.CRYPTOGRAPHIC_USAGE_MASK, Mask.ENCRYPT), *more)),
        managed_object=symmetric(MATERIAL),
        **options,
    )


def test_replacing_takes_the_old_key_out_of_the_token(service: Service) -> None:
    uid = create(service)
    old = _row(service, uid)
    assert old.placement is Placement.RESIDENT
    service.call(Operation.IMPORT, _plain(uid, replace_existing=True))
    assert material(service, uid) == MATERIAL
    assert not service.services.store.exists(old.cka_id)
    assert not service.services.registry.intents(service.clock.now() + 1)


def _row(service: Service, uid: str) -> Any:
    found = service.services.registry.unit().get(uid)
    assert found is not None
    return found


def test_a_token_that_is_away_is_asked_again(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    uid = create(service)
    old = _row(service, uid)

    def away(_: bytes) -> None:
        raise StoreUnavailable("away")

    monkeypatch.setattr(service.application.store, "destroy", away)
    service.call(Operation.IMPORT, _plain(uid, replace_existing=True))
    monkeypatch.undo()
    assert service.services.store.exists(old.cka_id)
    assert recovery.recover(service.services, everything=True).removed == 1
    assert not service.services.store.exists(old.cka_id)
    assert material(service, uid) == MATERIAL


def test_a_refused_replacement_leaves_the_old_key(service: Service) -> None:
    uid = create(service)
    before = material(service, uid)
    taken = name("taken")
    create(service, (Tag.NAME, taken))
    request = _plain(uid, (Tag.NAME, taken), replace_existing=True)
    assert service.refusal(Operation.IMPORT, request) is ResultReason.NON_UNIQUE_NAME_ATTRIBUTE
    assert material(service, uid) == before
    assert not service.services.registry.intents(service.clock.now() + 1)


def test_a_destroyed_object_comes_back(service: Service) -> None:
    uid = create(service)
    destroy(service, uid)
    exported = _export(service, uid)
    assert exported.managed_object.key_block.key_value is None
    service.call(Operation.IMPORT, _plain(uid, replace_existing=True))
    assert attributes_of(service, uid)["State"] is State.PRE_ACTIVE
    assert material(service, uid) == MATERIAL


def test_attributes_are_as_supplied(service: Service) -> None:
    uid = f"import-{service.principal.name}"
    given = (
        (Tag.STATE, State.DEACTIVATED),
        (Tag.INITIAL_DATE, 1_000_000),
        (Tag.ALWAYS_SENSITIVE, True),
        (Tag.SENSITIVE, True),
        (Tag.OBJECT_TYPE, ObjectType.SYMMETRIC_KEY),
    )
    service.call(Operation.IMPORT, _plain(uid, *given))
    found = attributes_of(service, uid)
    assert (found["State"], found["Initial Date"], found["Always Sensitive"]) == (State.DEACTIVATED, 1_000_000, True)
    assert service.refusal(Operation.GET, p.GetRequestPayload(unique_identifier=uid)) is ResultReason.SENSITIVE


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ((Tag.STATE, State.DESTROYED), ResultReason.INVALID_ATTRIBUTE_VALUE),
        ((Tag.OBJECT_TYPE, ObjectType.SECRET_DATA), ResultReason.INVALID_ATTRIBUTE_VALUE),
        ((Tag.CRYPTOGRAPHIC_LENGTH, 256), ResultReason.INVALID_ATTRIBUTE_VALUE),
        (
            (
                Tag.DIGEST,
                Digest(
                    hashing_algorithm=HashingAlgorithm.SHA_256,
                    digest_value=hashlib.sha256(b"another").digest(),
                    key_format_type=KeyFormatType.RAW,
                ),
            ),
            ResultReason.INVALID_ATTRIBUTE_VALUE,
        ),
    ],
)
def test_what_contradicts_the_object_is_refused(service: Service, wrong: Any, reason: ResultReason) -> None:
    uid = f"import-{service.principal.name}"
    assert service.refusal(Operation.IMPORT, _plain(uid, wrong)) is reason
    assert service.refusal(Operation.GET, p.GetRequestPayload(unique_identifier=uid)) is ResultReason.OBJECT_NOT_FOUND


def _spec(key: str, **more: Any) -> dict[str, Any]:
    information = o.EncryptionKeyInformation(
        unique_identifier=key,
        cryptographic_parameters=CryptographicParameters(block_cipher_mode=BlockCipherMode.NIST_KEY_WRAP),
    )
    return {"wrapping_method": WrappingMethod.ENCRYPT, "encryption_key_information": information, **more}


def _kek(service: Service, mask: Mask, *more: Any) -> str:
    uid = create(service, *more, mask=mask)
    activate(service, uid)
    return uid


@pytest.mark.parametrize("option", [None, EncodingOption.NO_ENCODING])
def test_wrapped_there_and_back(service: Service, option: EncodingOption | None) -> None:
    kek = _kek(service, Mask.WRAP_KEY | Mask.UNWRAP_KEY)
    uid = create(service)
    clear = material(service, uid)
    specification = o.KeyWrappingSpecification(**_spec(kek, encoding_option=option))
    exported = _export(service, uid, key_wrapping_specification=specification)
    assert exported.managed_object.key_block.key_wrapping_data is not None
    other = f"unwrapped-{service.principal.name}"
    unwrapped = _import(exported, unique_identifier=other, key_wrap_type=KeyWrapType.NOT_WRAPPED)
    service.call(Operation.IMPORT, unwrapped)
    assert material(service, other) == clear
    kept = f"kept-{service.principal.name}"
    service.call(Operation.IMPORT, _import(exported, unique_identifier=kept))
    assert get(service, kept) == exported.managed_object, "as it came"
    assert material(service, kept, key_wrap_type=KeyWrapType.NOT_WRAPPED) == clear
    again = get(service, kept, key_wrapping_specification=specification)
    assert again.key_block.key_wrapping_data is not None


def test_unwrapping_is_refused(service: Service) -> None:
    """Without the key, with a key that may not, with a key that is not the one, and what is no wrapped key at all."""
    good = _kek(service, Mask.WRAP_KEY | Mask.UNWRAP_KEY)
    uid = create(service)
    specification = o.KeyWrappingSpecification(**_spec(good, encoding_option=EncodingOption.NO_ENCODING))
    wrapped = get(service, uid, key_wrapping_specification=specification)
    kept_secret = _kek(service, Mask.WRAP_KEY, (Tag.SENSITIVE, True))
    destroyed = _kek(service, Mask.UNWRAP_KEY)
    revoke(service, destroyed)
    destroy(service, destroyed)
    cases = {
        "no such key": ResultReason.WRAPPING_OBJECT_NOT_FOUND,
        _kek(service, Mask.ENCRYPT): ResultReason.INCOMPATIBLE_CRYPTOGRAPHIC_USAGE_MASK,
        kept_secret: ResultReason.INCOMPATIBLE_CRYPTOGRAPHIC_USAGE_MASK,
        create(service, mask=Mask.UNWRAP_KEY): ResultReason.WRONG_KEY_LIFECYCLE_STATE,
        _kek(service, Mask.UNWRAP_KEY): ResultReason.CRYPTOGRAPHIC_FAILURE,
        destroyed: ResultReason.WRAPPING_OBJECT_DESTROYED,
    }
    for key, reason in cases.items():
        data = replace(wrapped.key_block.key_wrapping_data, **_spec(key))
        changed = replace(wrapped, key_block=replace(wrapped.key_block, key_wrapping_data=data))
        kept = register(service, ObjectType.SYMMETRIC_KEY, changed, (Tag.CRYPTOGRAPHIC_USAGE_MASK, Mask.ENCRYPT))
        request = p.GetRequestPayload(unique_identifier=kept, key_wrap_type=KeyWrapType.NOT_WRAPPED)
        assert service.refusal(Operation.GET, request) is reason, key
        assert get(service, kept) == changed


def test_any_cipher_wraps(service: Service) -> None:
    kek = _kek(service, Mask.WRAP_KEY | Mask.UNWRAP_KEY)
    uid = create(service)
    clear = material(service, uid)
    for mode in (BlockCipherMode.CBC, BlockCipherMode.CTR, BlockCipherMode.AES_KEY_WRAP_PADDING):
        information = o.EncryptionKeyInformation(
            unique_identifier=kek, cryptographic_parameters=CryptographicParameters(block_cipher_mode=mode)
        )
        specification = o.KeyWrappingSpecification(
            wrapping_method=WrappingMethod.ENCRYPT,
            encryption_key_information=information,
            encoding_option=EncodingOption.NO_ENCODING,
        )
        wrapped = get(service, uid, key_wrapping_specification=specification)
        assert (wrapped.key_block.key_wrapping_data.iv_counter_nonce is None) == (
            mode is BlockCipherMode.AES_KEY_WRAP_PADDING
        )
        kept = register(service, ObjectType.SYMMETRIC_KEY, wrapped)
        assert material(service, kept, key_wrap_type=KeyWrapType.NOT_WRAPPED) == clear


def test_an_import_keeps_to_the_constraints_of_the_group(service: Service) -> None:
    uid = create(service)
    before = material(service, uid)
    types = ObjectTypes(object_type=(ObjectType.SYMMETRIC_KEY,))
    rule = Constraint(object_types=types, attributes=attributes(((Tag.CRYPTOGRAPHIC_LENGTH, 256),)))
    laid_down = p.SetConstraintsRequestPayload(constraints=Constraints(constraint=(rule,)))
    service.call(Operation.SET_CONSTRAINTS, laid_down)
    for request in (_plain(f"new-{service.principal.name}"), _plain(uid, replace_existing=True)):
        assert service.refusal(Operation.IMPORT, request) is ResultReason.CONSTRAINT_VIOLATION
    assert material(service, uid) == before


def test_two_replacements_at_once(service: Service) -> None:
    """The later one waits for the other's intent to go, and says so when it does not."""
    uid = create(service)
    old = _row(service, uid)
    registry = service.services.registry
    registry.open_intent(old.cka_id, old.store, "another request", service.clock.now())
    item = service.send((Operation.IMPORT, _plain(uid, replace_existing=True))).batch_item[0]
    assert "try again" in str(item.result_message)
    registry.drop_intent(old.cka_id)
    service.call(Operation.IMPORT, _plain(uid, replace_existing=True))
    assert material(service, uid) == MATERIAL


def test_a_key_wraps_as_what_it_is(service: Service) -> None:
    """Cryptographic Parameters that name RSA make no RSA key of an AES key; a private key wraps nothing."""
    kek = _kek(service, Mask.WRAP_KEY)
    domain = ((Tag.CRYPTOGRAPHIC_ALGORITHM, CryptographicAlgorithm.RSA), (Tag.CRYPTOGRAPHIC_LENGTH, 2048))
    usage = (Tag.CRYPTOGRAPHIC_USAGE_MASK, Mask.WRAP_KEY)
    private, public = create_pair(service, (*domain, usage, (Tag.ACTIVATION_DATE, service.clock.now())))
    uid = create(service)
    given = CryptographicParameters(cryptographic_algorithm=CryptographicAlgorithm.RSA)
    for key, reason in (
        (kek, ResultReason.FEATURE_NOT_SUPPORTED),
        (private, ResultReason.CRYPTOGRAPHIC_FAILURE),
        (public, None),
    ):
        information = o.EncryptionKeyInformation(unique_identifier=key, cryptographic_parameters=given)
        specification = o.KeyWrappingSpecification(
            wrapping_method=WrappingMethod.ENCRYPT,
            encryption_key_information=information,
            encoding_option=EncodingOption.NO_ENCODING,
        )
        request = p.GetRequestPayload(unique_identifier=uid, key_wrapping_specification=specification)
        assert service.refusal(Operation.GET, request) is reason
