"""NSS softoken, the second implementation: what is peculiar to it. All else is in the suite, which runs on it too."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import pytest

from kmipd.core.ports import KeyTemplate
from kmipd.spec.enumerations import CryptographicAlgorithm as Algorithm
from kmipd_pkcs11.errors import Verb
from kmipd_pkcs11.release import WrapKind, WrapWay
from kmipd_pkcs11.settings import StoreSettings
from kmipd_pkcs11.store import PKCS11Store
from tests.tokens.backends import prepared


@pytest.fixture(scope="module")
def nss(nss_settings: StoreSettings) -> Iterator[PKCS11Store]:
    with prepared(nss_settings) as store:
        yield store


def test_its_own_key_wrap_is_passed_over(nss: PKCS11Store) -> None:
    """CKM_AES_KEY_WRAP_PAD is listed, and is not RFC 5649 here."""
    way = nss._connection.run(Verb.WRAP, nss._proofs.wrap_way)
    assert way == WrapWay(0x210B, WrapKind.KWP)
    assert 0x210A in nss._proofs.mechanisms()


def test_longer_secrets_go_elsewhere(nss: PKCS11Store) -> None:
    longest = KeyTemplate(algorithm=Algorithm.HMAC_SHA256, length=2048)
    assert nss.can_hold(longest)
    assert len(nss.release(nss.generate_key(secrets.token_bytes(16), longest))) == 256
    assert not nss.can_hold(KeyTemplate(algorithm=Algorithm.HMAC_SHA256, length=2056))


def test_it_recovers(nss: PKCS11Store) -> None:
    key = nss.generate_key(secrets.token_bytes(16), KeyTemplate(algorithm=Algorithm.AES, length=256))
    material, connection = nss.release(key), nss._connection
    assert connection.login is not None
    connection.functions.code("C_CloseAllSessions", connection.login.token.slot.slot_id)
    assert nss.release(key) == material
    connection._suspect("a test", True, connection.epoch)
    assert nss.release(key) == material
    assert nss.health().up
