"""What real clients force on objects and keys: rules 22 to 32 (`test_client_rules.py` lists all of them)."""

from __future__ import annotations

from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization as ser
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from kmipd.spec import payloads as p
from kmipd.spec.attributes import CryptographicParameters
from kmipd.spec.enumerations import (
    BlockCipherMode,
    CryptographicAlgorithm,
    KeyCompressionType,
    KeyFormatType,
    KeyRoleType,
    ObjectType,
    PaddingMethod,
    ResultReason,
    RevocationReasonCode,
    SecretDataType,
    State,
)
from kmipd.spec.enumerations import Operation as Op
from kmipd.spec.masks import CryptographicUsageMask as Mask
from kmipd.spec.objects import PrivateKey
from kmipd.spec.tags import Tag
from kmipd.spec.versions import V1_0, V1_1, V1_2, V1_4, V2_1, VERSIONS, Version
from tests.support import asking
from tests.support.asking import create, get, name, register
from tests.support.client import Client, attribute, found
from tests.support.fixtures import Connect

SYMMETRIC = ObjectType.SYMMETRIC_KEY
MASK = Tag.CRYPTOGRAPHIC_USAGE_MASK
AES = CryptographicAlgorithm.AES


@pytest.mark.parametrize(
    ("key_format", "length", "size"),
    [(KeyFormatType.OPAQUE, 256, 128), (KeyFormatType.RAW, 1024, 128)],
    ids=["main", "older"],
)
def test_rule_22_rook_registers_128_bytes_and_gets_them_back(
    connect: Connect, key_format: KeyFormatType, length: int, size: int
) -> None:
    client = connect(V1_4)
    material = bytes(range(size))
    made = asking.block(material, key_format, AES, length)
    uid = register(client, SYMMETRIC, asking.symmetric(material).__class__(key_block=made), (MASK, Mask.EXPORT))
    back = get(client, uid).key_block
    assert (back.key_format_type, back.cryptographic_algorithm) == (key_format, AES)
    assert (back.cryptographic_length, back.key_value.key_material) == (length, material)


@pytest.mark.parametrize("version", [V1_0, V1_4, V2_1], ids=str)
def test_rule_23_usage_masks_that_look_odd_are_accepted(connect: Connect, version: Version) -> None:
    client = connect(version)
    odd = {"Rook, NooBaa": Mask.EXPORT} if version < (2, 0) else {}
    for mask in (*odd.values(), Mask(0)):
        uid = register(client, SYMMETRIC, asking.symmetric(bytes(32)), (MASK, mask))
        assert asking.attributes_of(client, uid, MASK) == {"Cryptographic Usage Mask": mask}
    synology = register(client, ObjectType.SECRET_DATA, asking.secret(bytes(72)), (MASK, Mask.VERIFY))
    assert get(client, synology).key_block.key_value.key_material == bytes(72)
    common = ((Tag.CRYPTOGRAPHIC_ALGORITHM, CryptographicAlgorithm.RSA), (Tag.CRYPTOGRAPHIC_LENGTH, 2048))
    private, public = asking.create_pair(client, common)  # Barbican gives no mask at all
    assert private != public


SECRETS = {
    "MongoDB": (SecretDataType.SEED, KeyFormatType.OPAQUE, bytes(range(96))),
    "Synology": (SecretDataType.PASSWORD, KeyFormatType.OPAQUE, bytes(range(72))),
    "TrueNAS": (SecretDataType.PASSWORD, KeyFormatType.OPAQUE, b"passphrase"),
    "not ASCII": (SecretDataType.PASSWORD, KeyFormatType.RAW, "пароль \0 \xff".encode()),
}


@pytest.mark.parametrize("who", SECRETS)
def test_rule_24_secret_data_comes_back_as_it_was(connect: Connect, who: str) -> None:
    kind, key_format, material = SECRETS[who]
    client = connect(V1_0)
    uid = register(client, ObjectType.SECRET_DATA, asking.secret(material, kind, key_format), (MASK, Mask(0)))
    back = get(client, uid)
    assert (back.secret_data_type, back.key_block.key_format_type) == (kind, key_format)
    assert back.key_block.key_value.key_material == material


def test_rule_25_a_key_compression_type_on_a_symmetric_key_does_no_harm(client: Client) -> None:
    """pg_tde."""
    compressed = KeyCompressionType.EC_PUBLIC_KEY_TYPE_UNCOMPRESSED
    uid = register(client, SYMMETRIC, asking.symmetric(bytes(32), key_compression_type=compressed))
    assert asking.material(client, uid) == bytes(32)


def test_rule_26_an_empty_object_group_is_a_group(client: Client) -> None:
    uid = create(client, (Tag.OBJECT_GROUP, ""))
    create(client, (Tag.OBJECT_GROUP, "another"))
    assert asking.attributes_of(client, uid, Tag.OBJECT_GROUP) == {"Object Group": ""}
    assert asking.locate(client, (Tag.OBJECT_GROUP, "")) == [uid]


@pytest.mark.parametrize("version", [v for v in VERSIONS if v < (2, 0)], ids=str)
def test_rule_26_the_operation_policy_name_is_given_back(connect: Connect, version: Version) -> None:
    """VAST checks it, also after Re-key. 2.0 has no such attribute."""
    client = connect(version)
    for given in ("default", "a policy of ours"):
        uid = create(client, (Tag.OPERATION_POLICY_NAME, given))
        assert asking.attributes_of(client, uid, Tag.OPERATION_POLICY_NAME) == {"Operation Policy Name": given}
        new = client.call(Op.RE_KEY, p.ReKeyRequestPayload(unique_identifier=uid)).unique_identifier
        assert asking.attributes_of(client, new, Tag.OPERATION_POLICY_NAME) == {"Operation Policy Name": given}


def test_rule_27_vcenter_adds_its_attributes_three_a_batch(connect: Connect) -> None:
    client = connect(V1_1)
    uid = create(client)
    names = ("x-Product_Version", "x-Vendor", "x-Product", "x-Identifier", "x-Component", "x-Name")
    for three in (names[:3], names[3:]):
        answer = client.batch(
            *(
                (
                    Op.ADD_ATTRIBUTE,
                    p.AddAttributeRequestPayload(unique_identifier=uid, attribute=attribute(n, f"{n} of vCenter")),
                )
                for n in three
            )
        )
        assert [i.result_status.name for i in answer.batch_item] == ["SUCCESS"] * 3
    payload = p.GetAttributesRequestPayload(unique_identifier=uid, attribute_name=names)
    values = found(client.call(Op.GET_ATTRIBUTES, payload))
    assert {key: item.value for key, item in values.items()} == {n: f"{n} of vCenter" for n in names}


def test_rule_27_ontap_brings_sixteen_and_ibm_a_role(client: Client) -> None:
    parts = ("ClusterName", "ClusterId", "NodeId", "NodeName", "VserverId", "VserverName", "KeyType", "KeyTag")
    more = [(f"x-NETAPP-{part}{i}", f"{part} {i}") for part in parts for i in (1, 2)]
    role = CryptographicParameters(key_role_type=KeyRoleType.KEK, padding_method=PaddingMethod.PKCS1_V1_5)
    uid = create(client, *more, ("x-kmip-description", "a KEK"), (Tag.CRYPTOGRAPHIC_PARAMETERS, role))
    values = asking.attributes_of(client, uid)
    assert {key: values[key].value for key, _ in more} == dict(more)
    assert values["Cryptographic Parameters"] == role


@pytest.mark.parametrize("version", [V1_0, V1_2, V1_4], ids=str)
def test_rule_28_modify_attribute_repeats_the_attribute(connect: Connect, version: Version) -> None:
    """Synology renames Name[0] and goes on only when it reads the new one."""
    client = connect(version)
    uid = register(client, ObjectType.SECRET_DATA, asking.secret(b"s"), (Tag.NAME, name("sha512")))
    for index in (0, None):
        new = attribute(Tag.NAME, name(f"volume {index}"), index)
        payload = p.ModifyAttributeRequestPayload(unique_identifier=uid, attribute=new)
        answer = client.call(Op.MODIFY_ATTRIBUTE, payload)
        assert answer.attribute.attribute_name == "Name"
        assert answer.attribute.attribute_value == name(f"volume {index}")
        assert answer.attribute.attribute_index in (0, None)
    assert asking.locate(client, (Tag.NAME, name("volume None"))) == [uid]
    assert asking.locate(client, (Tag.NAME, name("sha512"))) == []


@pytest.mark.parametrize("version", [V1_0, V1_4, V2_1], ids=str)
def test_rule_28_re_key_moves_the_name(connect: Connect, version: Version) -> None:
    client = connect(version)
    old = create(client, (Tag.NAME, name("vast")))
    new = client.call(Op.RE_KEY, p.ReKeyRequestPayload(unique_identifier=old)).unique_identifier
    assert asking.locate(client, (Tag.NAME, name("vast"))) == [new]
    assert asking.material(client, old) != asking.material(client, new)


@pytest.mark.parametrize("version", VERSIONS, ids=str)
def test_rule_29_key_value_holds_key_material_only(connect: Connect, version: Version) -> None:
    """Veeam: "Unexpected Tag 66"."""
    client = connect(version)
    common = (
        (Tag.CRYPTOGRAPHIC_ALGORITHM, CryptographicAlgorithm.RSA),
        (Tag.CRYPTOGRAPHIC_LENGTH, 2048),
        (Tag.NAME, name("pair")),
    )
    private, public = asking.create_pair(client, common[:2], (common[2],))
    for uid in (private, public, create(client, (Tag.NAME, name("key")), ("x-note", "text"))):
        value = get(client, uid).key_block.key_value
        assert isinstance(value.key_material, bytes)
        assert value.attribute == ()
        assert getattr(value, "attributes", None) is None


def test_rule_30_get_before_activate_and_destroy_without_revoke(connect: Connect) -> None:
    client = connect(V1_4)
    uid = create(client)
    assert len(asking.material(client, uid)) == 32
    asking.destroy(client, uid)
    assert client.refusal(Op.GET, p.GetRequestPayload(unique_identifier=uid)) is ResultReason.ITEM_NOT_FOUND


@pytest.mark.parametrize("version", VERSIONS, ids=str)
def test_rule_30_an_active_object_is_not_destroyed(connect: Connect, version: Version) -> None:
    client = connect(version)
    uid = register(client, ObjectType.SECRET_DATA, asking.secret(b"truenas"), (MASK, Mask(0)))
    asking.activate(client, uid)
    expected = ResultReason.WRONG_KEY_LIFECYCLE_STATE if version >= V2_1 else ResultReason.PERMISSION_DENIED
    assert client.refusal(Op.DESTROY, p.DestroyRequestPayload(unique_identifier=uid)) is expected
    asking.revoke(client, uid, RevocationReasonCode.CESSATION_OF_OPERATION)
    asking.destroy(client, uid)
    assert asking.attributes_of(client, uid, Tag.STATE) == {"State": State.DESTROYED}


def encrypt(client: Client, uid: str, data: bytes, parameters: CryptographicParameters, **more: Any) -> Any:
    payload = p.EncryptRequestPayload(unique_identifier=uid, cryptographic_parameters=parameters, data=data, **more)
    return client.call(Op.ENCRYPT, payload)


def decrypt(client: Client, uid: str, data: bytes, parameters: CryptographicParameters, **more: Any) -> bytes:
    payload = p.DecryptRequestPayload(unique_identifier=uid, cryptographic_parameters=parameters, data=data, **more)
    plain = client.call(Op.DECRYPT, payload).data
    assert isinstance(plain, bytes)
    return plain


def test_rule_31_cbc_as_ceph_csi_mongodb_and_edb_use_it(connect: Connect) -> None:
    client = connect(V1_2)
    uid = create(client)
    asking.activate(client, uid)
    cbc = CryptographicParameters(block_cipher_mode=BlockCipherMode.CBC, padding_method=PaddingMethod.PKCS5)
    own = encrypt(client, uid, b"ceph-csi", cbc, iv_counter_nonce=bytes(16))
    assert own.iv_counter_nonce is None
    assert decrypt(client, uid, own.data, cbc, iv_counter_nonce=bytes(16)) == b"ceph-csi"
    random = CryptographicParameters(
        block_cipher_mode=BlockCipherMode.CBC, padding_method=PaddingMethod.PKCS5, random_iv=True
    )
    for parameters in (random, cbc):  # MongoDB asks for it, EDB's script gives none
        made = encrypt(client, uid, bytes(96), parameters)
        assert len(made.iv_counter_nonce) == 16
        assert decrypt(client, uid, made.data, cbc, iv_counter_nonce=made.iv_counter_nonce) == bytes(96)


def test_rule_31_gcm_without_a_tag_length(client: Client) -> None:
    """ovh; the tag is then 16 bytes."""
    uid = create(client)
    asking.activate(client, uid)
    gcm = CryptographicParameters(block_cipher_mode=BlockCipherMode.GCM)
    aad = {"iv_counter_nonce": bytes(12), "authenticated_encryption_additional_data": b"context"}
    made = encrypt(client, uid, b"data", gcm, **aad)
    assert len(made.authenticated_encryption_tag) == 16
    tag = made.authenticated_encryption_tag
    assert decrypt(client, uid, made.data, gcm, authenticated_encryption_tag=tag, **aad) == b"data"


@pytest.mark.parametrize("algorithm", [CryptographicAlgorithm.RSA, CryptographicAlgorithm.EC], ids=["RSA", "EC"])
def test_rule_32_a_public_key_as_subject_public_key_info(client: Client, algorithm: CryptographicAlgorithm) -> None:
    length = 2048 if algorithm is CryptographicAlgorithm.RSA else 256
    common = ((Tag.CRYPTOGRAPHIC_ALGORITHM, algorithm), (Tag.CRYPTOGRAPHIC_LENGTH, length))
    _, public = asking.create_pair(client, common)
    back = get(client, public, key_format_type=KeyFormatType.X_509).key_block
    assert back.key_format_type is KeyFormatType.X_509
    key = ser.load_der_public_key(back.key_value.key_material)
    assert isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey)
    assert key.key_size == length


def test_rule_32_an_ec_private_key_is_registered(client: Client) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    forms = {
        KeyFormatType.PKCS_8: ser.PrivateFormat.PKCS8,
        KeyFormatType.EC_PRIVATE_KEY: ser.PrivateFormat.TraditionalOpenSSL,
    }
    for key_format, form in forms.items():
        der = key.private_bytes(ser.Encoding.DER, form, ser.NoEncryption())
        made = PrivateKey(key_block=asking.block(der, key_format, CryptographicAlgorithm.EC, 256))
        uid = register(client, ObjectType.PRIVATE_KEY, made, (MASK, Mask.SIGN))
        assert asking.material(client, uid) == der
        other = asking.material(client, uid, key_format_type=KeyFormatType.PKCS_8)
        loaded = ser.load_der_private_key(other, None)
        assert isinstance(loaded, ec.EllipticCurvePrivateKey)
        assert loaded.private_numbers() == key.private_numbers()
