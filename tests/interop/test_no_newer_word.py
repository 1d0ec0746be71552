"""No answer to a request of version V says a tag, an attribute, an enumeration value or a mask bit younger than V.

Databases and gateways in the field break on one such word. So every operation there is goes to a running server at
every version, on objects of every type that carry every attribute of every version, and the raw items of each answer
are held against `kmipd.spec`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from kmipd import config
from kmipd.core.model import CustomName
from kmipd.protocol import NotInVersion, decode_item
from kmipd.registry import Registry
from kmipd.spec import introduced
from kmipd.spec import objects as o
from kmipd.spec import payloads as p
from kmipd.spec.attributes import ATTRIBUTES, CryptographicParameters, VendorAttributeReference
from kmipd.spec.enumerations import (
    BatchErrorContinuationOption,
    BlockCipherMode,
    CertificateRequestType,
    CertificateType,
    CryptographicAlgorithm,
    DerivationMethod,
    KeyFormatType,
    ObjectType,
    QueryFunction,
    ResultReason,
    SecretDataType,
    SplitKeyMethod,
)
from kmipd.spec.enumerations import Operation as Op
from kmipd.spec.history import withdrawn
from kmipd.spec.kinds import Item, ItemType
from kmipd.spec.masks import CryptographicUsageMask, StorageStatusMask
from kmipd.spec.operations import OPERATIONS
from kmipd.spec.payloads.parts import DerivationParameters
from kmipd.spec.tags import Tag
from kmipd.spec.versions import V1_4, V2_0, V2_1, VERSIONS, Version
from tests.support import asking
from tests.support.client import Client, attribute, attribute_item, request, wanted
from tests.support.samples import sample
from tests.support.server import Identity, Server
from tests.support.vocabulary import newer_words

FUTURE = 4_000_000_000
ALL_USES = CryptographicUsageMask(sum(CryptographicUsageMask))
TEXT = Item(Tag.ATTRIBUTE_VALUE, ItemType.TEXT_STRING, "custom")
#: What an object must not be, or it would answer nothing but refusals.
VALUES: dict[Tag, Any] = {
    Tag.SENSITIVE: False,
    Tag.EXTRACTABLE: True,
    Tag.PROTECT_STOP_DATE: FUTURE,
    Tag.DEACTIVATION_DATE: FUTURE,
    Tag.CRYPTOGRAPHIC_USAGE_MASK: ALL_USES,
    Tag.CRYPTOGRAPHIC_PARAMETERS: CryptographicParameters(block_cipher_mode=BlockCipherMode.ECB),
}
#: Made up when somebody looks, or columns of the row.
NOT_STORED = {Tag.UNIQUE_IDENTIFIER, Tag.SHORT_UNIQUE_IDENTIFIER, Tag.OBJECT_TYPE, Tag.STATE, Tag.LEASE_TIME}


@dataclass(frozen=True)
class World:
    server: Server
    identity: Identity
    uids: dict[str, str]  # what: identifier


def structures() -> dict[str, tuple[ObjectType, Any]]:
    """One object of every type, with what is young in it."""
    young = CryptographicAlgorithm.CHACHA20_POLY1305
    block = asking.block(bytes(32), KeyFormatType.RAW, young, 256)
    return {
        "symmetric": (ObjectType.SYMMETRIC_KEY, o.SymmetricKey(key_block=block)),
        "split": (
            ObjectType.SPLIT_KEY,
            o.SplitKey(
                split_key_parts=3,
                key_part_identifier=1,
                split_key_threshold=2,
                split_key_method=SplitKeyMethod.POLYNOMIAL_SHARING_GF_2_8,
                key_block=block,
            ),
        ),
        "secret": (ObjectType.SECRET_DATA, asking.secret(b"secret", SecretDataType.SEED)),
        "opaque": (ObjectType.OPAQUE_OBJECT, asking.opaque(b"opaque")),
        "pgp": (ObjectType.PGP_KEY, o.PGPKey(pgp_key_version=4, key_block=block)),
        "request": (
            ObjectType.CERTIFICATE_REQUEST,
            o.CertificateRequest(
                certificate_request_type=CertificateRequestType.PKCS_10, certificate_request_value=b"request"
            ),
        ),
        "certificate": (
            ObjectType.CERTIFICATE,
            o.Certificate(certificate_type=CertificateType.PGP, certificate_value=b"certificate"),
        ),
    }


@pytest.fixture(scope="module")
def world(server: Server) -> World:
    identity = server.enrol()
    uids: dict[str, str] = {}
    with Client.connect(server, identity, V2_1) as client:
        for what, (object_type, structure) in structures().items():
            uids[what] = asking.register(client, object_type, structure)
        uids["resident"] = asking.create(client, mask=ALL_USES)
        for algorithm in (CryptographicAlgorithm.RSA, CryptographicAlgorithm.ED25519):
            common = ((Tag.CRYPTOGRAPHIC_ALGORITHM, algorithm), (Tag.CRYPTOGRAPHIC_LENGTH, 2048))
            private, public = asking.create_pair(client, common)
            uids |= {f"private {algorithm.name}": private, f"public {algorithm.name}": public}
        dead = asking.create(client)
        asking.destroy(client, dead)
    give_everything(server, uids)
    return World(server, identity, uids | {"destroyed": dead, "nothing": "no such object"})


def give_everything(server: Server, uids: dict[str, str]) -> None:
    """Every attribute of the standard, those that only a server sets too."""
    settings = config.load(server.directory, {})
    registry = Registry(settings.registry, settings.audit_log)
    try:
        for uid in uids.values():
            unit = registry.unit()
            obj = unit.get(uid)
            assert obj is not None
            attributes = obj.attributes
            for tag, rule in ATTRIBUTES.items():
                if tag not in NOT_STORED and (tag not in attributes or tag in VALUES):
                    attributes = attributes.put(tag, VALUES.get(tag, sample(rule.type)))
            attributes = attributes.put(CustomName("x", "note"), TEXT).put(CustomName("acme", "note"), TEXT)
            unit.put(replace(obj, attributes=attributes))
            unit.commit()
    finally:
        registry.close()


# Requests --------------------------------------------------------------------------------------------------------


def requests(uid: str, words: Version) -> Iterator[tuple[Op, Any]]:
    """Everything one can ask about an object that leaves it as it is, in the words of 1.4 or 2.1."""
    yield Op.GET, p.GetRequestPayload(unique_identifier=uid)
    for key_format in (KeyFormatType.RAW, KeyFormatType.PKCS_8, KeyFormatType.X_509, KeyFormatType.PKCS_1):
        yield Op.GET, p.GetRequestPayload(unique_identifier=uid, key_format_type=key_format)
    yield Op.GET_ATTRIBUTE_LIST, p.GetAttributeListRequestPayload(unique_identifier=uid)
    yield Op.GET_ATTRIBUTES, asking.attributes_request(words, uid)
    yield Op.CHECK, p.CheckRequestPayload(unique_identifier=uid, cryptographic_usage_mask=ALL_USES)
    for tag in ATTRIBUTES:
        yield Op.GET_ATTRIBUTES, asking.attributes_request(words, uid, tag)
    if words >= V2_0:
        reference = VendorAttributeReference(vendor_identification="acme", attribute_name="note")
        yield Op.GET_ATTRIBUTES, p.GetAttributesRequestPayload(unique_identifier=uid, attribute_reference=(reference,))
    data = {"unique_identifier": uid, "data": bytes(32)}
    parameters = CryptographicParameters(block_cipher_mode=BlockCipherMode.GCM)
    for chosen in (None, parameters):
        yield Op.ENCRYPT, p.EncryptRequestPayload(**data, cryptographic_parameters=chosen)
        yield Op.DECRYPT, p.DecryptRequestPayload(**data, cryptographic_parameters=chosen, iv_counter_nonce=bytes(12))
    yield Op.SIGN, p.SignRequestPayload(**data)
    yield Op.SIGNATURE_VERIFY, p.SignatureVerifyRequestPayload(**data, signature_data=bytes(256))
    yield Op.MAC, p.MACRequestPayload(**data)


def changes(uid: str, words: Version) -> Iterator[tuple[Op, Any]]:
    """What changes it; each answer repeats something."""
    for tag, rule in ATTRIBUTES.items():
        value = VALUES.get(tag, sample(rule.type))
        if words >= V2_0:
            item = attribute_item(tag, value)
            yield Op.SET_ATTRIBUTE, p.SetAttributeRequestPayload(unique_identifier=uid, new_attribute=item)
            yield Op.ADD_ATTRIBUTE, p.AddAttributeRequestPayload(unique_identifier=uid, new_attribute=item)
            yield Op.MODIFY_ATTRIBUTE, p.ModifyAttributeRequestPayload(unique_identifier=uid, new_attribute=item)
            yield Op.DELETE_ATTRIBUTE, p.DeleteAttributeRequestPayload(unique_identifier=uid, current_attribute=item)
        elif rule.in_version(words):
            one = attribute(tag, value)
            yield Op.ADD_ATTRIBUTE, p.AddAttributeRequestPayload(unique_identifier=uid, attribute=one)
            yield Op.MODIFY_ATTRIBUTE, p.ModifyAttributeRequestPayload(unique_identifier=uid, attribute=one)
            yield Op.DELETE_ATTRIBUTE, p.DeleteAttributeRequestPayload(unique_identifier=uid, attribute_name=rule.name)
    yield Op.ACTIVATE, p.ActivateRequestPayload(unique_identifier=uid)
    yield Op.REVOKE, asking.revoke_request(uid)
    yield Op.DESTROY, p.DestroyRequestPayload(unique_identifier=uid)


def at_large(words: Version) -> Iterator[tuple[Op, Any]]:
    """What is not about one object."""
    for function in QueryFunction:
        yield Op.QUERY, p.QueryRequestPayload(query_function=(function,))
    yield Op.QUERY, p.QueryRequestPayload(query_function=tuple(QueryFunction))
    yield Op.DISCOVER_VERSIONS, p.DiscoverVersionsRequestPayload()
    yield Op.LOCATE, asking.locate_request(words, (), maximum_items=3, offset_items=1)
    everything = StorageStatusMask(sum(StorageStatusMask)) if words >= V2_0 else StorageStatusMask(3)
    yield Op.LOCATE, asking.locate_request(words, (), storage_status_mask=everything)
    yield Op.CREATE, asking.create_request(words, asking.aes())
    for operation in set(OPERATIONS) - SERVED:
        if OPERATIONS[operation].since <= words:
            yield operation, p.UnknownPayload()


SERVED = {operation for operation, _ in [*requests("", V2_1), *changes("", V2_1)]} | {
    Op.QUERY,
    Op.DISCOVER_VERSIONS,
    Op.LOCATE,
    Op.CREATE,
    Op.CREATE_KEY_PAIR,
    Op.REGISTER,
    Op.RE_KEY,
    Op.RE_KEY_KEY_PAIR,
    Op.DERIVE_KEY,
}


def makers(world: World, words: Version) -> Iterator[tuple[Op, Any]]:
    """What makes a new object from an old one."""
    uid = world.uids["resident"]
    yield Op.RE_KEY, p.ReKeyRequestPayload(unique_identifier=uid)
    yield Op.RE_KEY_KEY_PAIR, p.ReKeyKeyPairRequestPayload(private_key_unique_identifier=world.uids["private RSA"])
    yield (
        Op.DERIVE_KEY,
        p.DeriveKeyRequestPayload(
            object_type=ObjectType.SECRET_DATA,
            unique_identifier=(uid,),
            derivation_method=DerivationMethod.HMAC,
            derivation_parameters=DerivationParameters(derivation_data=b"data"),
            **wanted(words, asking.aes()),
        ),
    )


# Properties ------------------------------------------------------------------------------------------------------


def ask_all(client: Client, asked: Iterator[tuple[Op, Any]], version: Version) -> tuple[int, int]:
    """How many were asked, how many succeeded. Words of 1.4 and 2.1 go out under any header: we read generously."""
    words = V1_4 if version < V2_0 else V2_1
    count = succeeded = 0
    for operation, payload in asked:
        message = request((operation, payload), version=words)
        try:
            answer = client.send_as(message, version)
        except NotInVersion:
            continue  # the request itself cannot be said, in any version of this major
        found = list(newer_words(decode_item(client.last), version))
        assert found == [], f"{operation.name} at {version}: {found}"
        count += 1
        succeeded += answer.batch_item[0].result_status == 0
    return count, succeeded


@pytest.mark.parametrize("version", VERSIONS, ids=str)
def test_nothing_asked_is_answered_with_a_newer_word(
    world: World, version: Version, capsys: pytest.CaptureFixture[str]
) -> None:
    words = V1_4 if version < V2_0 else V2_1
    asked = succeeded = 0
    with Client.connect(world.server, world.identity, version) as client:
        for uid in world.uids.values():
            for one in (requests(uid, words), at_large(words)):
                n, s = ask_all(client, one, version)
                asked, succeeded = asked + n, succeeded + s
    with capsys.disabled():
        print(f" [{version}: {asked} answers, {succeeded} of them successes]", end="")
    assert succeeded > asked / 4, "refusals say little: the objects do not fit the requests"


@pytest.mark.parametrize("version", VERSIONS, ids=str)
def test_nothing_changed_is_answered_with_a_newer_word(server: Server, version: Version) -> None:
    words = V1_4 if version < V2_0 else V2_1
    identity = server.enrol()
    with Client.connect(server, identity, V2_1) as newest, Client.connect(server, identity, version) as client:
        for make in (
            lambda: asking.create(newest),
            lambda: asking.register(newest, ObjectType.SECRET_DATA, asking.secret(b"s")),
            lambda: asking.register(newest, *structures()["certificate"]),
        ):
            _, succeeded = ask_all(client, changes(make(), words), version)
            assert succeeded > 5


@pytest.mark.parametrize("version", VERSIONS, ids=str)
def test_nothing_made_is_answered_with_a_newer_word(world: World, version: Version) -> None:
    words = V1_4 if version < V2_0 else V2_1
    with Client.connect(world.server, world.identity, version) as client:
        for one in makers(world, words):
            ask_all(client, iter([one]), version)


def test_a_batch_is_no_different(world: World) -> None:
    for version in VERSIONS:
        words = V1_4 if version < V2_0 else V2_1
        with Client.connect(world.server, world.identity, version) as client:
            items = [(op, made) for op, made in requests(world.uids["resident"], words) if op is not Op.GET_ATTRIBUTES]
            option = BatchErrorContinuationOption.CONTINUE
            client.send_as(request(*items, version=words, batch_error_continuation_option=option), version)
            assert list(newer_words(decode_item(client.last), version)) == []


def test_the_walk_finds_newer_words(world: World) -> None:
    """Else it would find nothing whatever we say."""
    with Client.connect(world.server, world.identity, V2_1) as client:
        asking.attributes_of(client, world.uids["resident"])
        newest = decode_item(client.last)
        for older in VERSIONS[:-1]:
            assert list(newer_words(newest, older)) != []
        assert list(newer_words(newest, V2_1)) == []


@pytest.mark.parametrize("version", [v for v in VERSIONS if v < V1_4], ids=str)
def test_what_cannot_be_repeated_is_not_changed_either(server: Server, version: Version) -> None:
    """An answer of 1.x repeats the attribute; Comment is of 1.4."""
    with Client.connect(server, server.enrol(), version) as client:
        uid = asking.create(client)
        payload = p.AddAttributeRequestPayload(unique_identifier=uid, attribute=attribute(Tag.COMMENT, "young"))
        answer = client.send_as(request((Op.ADD_ATTRIBUTE, payload), version=V1_4), version).batch_item[0]
        assert answer.result_reason is ResultReason.INVALID_FIELD
        client.version = V1_4
        assert "Comment" not in asking.attributes_of(client, uid)


def test_the_objects_carry_every_attribute(world: World) -> None:
    """Else the test would prove less than it says."""
    with Client.connect(world.server, world.identity, V2_1) as client:
        seen = {
            name for uid in world.uids.values() if uid in list(world.uids.values())[:-2] for name in of(client, uid)
        }
        client.version = V1_4
        seen |= {name for uid in list(world.uids.values())[:-2] for name in of(client, uid)}
    missing = {rule.name for rule in ATTRIBUTES.values()} - seen
    assert missing == set()
    assert any(introduced(tag) == V2_1 for tag in ATTRIBUTES)
    assert any(withdrawn(tag) for tag in ATTRIBUTES)


def of(client: Client, uid: str) -> set[str]:
    return set(asking.attributes_of(client, uid))
