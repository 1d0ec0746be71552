"""PGP keys are kept as they are; what must be quantum safe is not made of what a quantum computer breaks."""

from __future__ import annotations

import hashlib

import pytest

from kmipd.spec import objects as o
from kmipd.spec import payloads as p
from kmipd.spec.enumerations import CryptographicAlgorithm as CA
from kmipd.spec.enumerations import KeyFormatType, ObjectType, Operation, ResultReason
from kmipd.spec.masks import CryptographicUsageMask as Mask
from kmipd.spec.tags import Tag
from kmipd.spec.versions import V1_2, V1_4, V2_1, Version
from tests.core.conftest import Service
from tests.support.asking import attributes_of, block, create, create_pair, get, locate, name, register
from tests.support.client import Refused

BLOB = b"\x99\x01\x0d\x04 some OpenPGP packets"
MASK = (Tag.CRYPTOGRAPHIC_USAGE_MASK, Mask.ENCRYPT)


@pytest.mark.parametrize("version", [V1_2, V1_4, V2_1])
def test_a_pgp_key_is_given_back_as_it_came(service: Service, version: Version) -> None:
    service.version = version
    structure = o.PGPKey(pgp_key_version=4, key_block=block(BLOB, KeyFormatType.RAW))
    uid = register(service, ObjectType.PGP_KEY, structure, MASK, (Tag.NAME, name(f"pgp-{version}")))
    assert get(service, uid) == structure
    assert locate(service, (Tag.OBJECT_TYPE, ObjectType.PGP_KEY), (Tag.NAME, name(f"pgp-{version}"))) == [uid]
    digest = attributes_of(service, uid, Tag.DIGEST)["Digest"]
    assert digest.digest_value == hashlib.sha256(BLOB).digest()
    request = p.EncryptRequestPayload(unique_identifier=uid, data=b"")
    assert service.refusal(Operation.ENCRYPT, request) is not None


@pytest.mark.parametrize("algorithm", [CA.RSA, CA.EC, CA.ED25519])
def test_no_quantum_safe_key_of_an_algorithm_that_is_not(service: Service, algorithm: CA) -> None:
    service.version = V2_1
    pair = ((Tag.CRYPTOGRAPHIC_ALGORITHM, algorithm), (Tag.CRYPTOGRAPHIC_LENGTH, 2048 if algorithm is CA.RSA else 256))
    with pytest.raises(Refused) as refused:
        create_pair(service, (*pair, (Tag.QUANTUM_SAFE, True)))
    assert refused.value.reason is ResultReason.INVALID_ATTRIBUTE_VALUE
    assert create_pair(service, (*pair, (Tag.QUANTUM_SAFE, False)))
    uid = create(service, (Tag.QUANTUM_SAFE, True), (Tag.PROTECTION_PERIOD, 3600))
    assert attributes_of(service, uid)["Quantum Safe"] is True
