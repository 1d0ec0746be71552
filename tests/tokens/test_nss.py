"""NSS softoken, the second implementation: other mechanisms, other habits, the same store."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_private_key

from kmipd.core.errors import MechanismUnavailable, StoreUnavailable, TokenKeyMissing
from kmipd.core.ports import CipherParameters, KeyTemplate
from kmipd.spec.enumerations import BlockCipherMode, RecommendedCurve
from kmipd.spec.enumerations import CryptographicAlgorithm as Algorithm
from kmipd.spec.masks import CryptographicUsageMask as Usage
from kmipd_pkcs11.module import close_module, open_module
from kmipd_pkcs11.providers import known
from kmipd_pkcs11.raw import CKU_SO
from kmipd_pkcs11.settings import StoreSettings
from kmipd_pkcs11.store import PKCS11Store

PIN = "nss-pin-1234"
LABEL = "NSS Certificate DB"


@pytest.fixture(scope="module")
def nss(memory: Path) -> Iterator[PKCS11Store]:
    try:
        library = known()["nss"].find()
    except StoreUnavailable as error:
        pytest.skip(str(error))
    directory = memory / "nss"
    directory.mkdir()
    reserved = f"configdir='sql:{directory}' certPrefix='' keyPrefix='' secmod='secmod.db' flags="
    module = open_module(library, {}, reserved)
    with module.gate.exclusive(5):
        module.initialize()
        token = next(one for one in module.tokens() if one.label == LABEL)
        session = token.open(rw=True)
        assert module.functions.login(session.handle, CKU_SO, "") == 0
        module.functions.init_pin(session.handle, PIN)
        session.close()
    close_module(module, 5)
    store = PKCS11Store(
        StoreSettings(name="nss", module=library, token_label=LABEL, pin=lambda: PIN, reserved=reserved)
    )
    store.prepare()
    yield store
    store.close()


@pytest.mark.parametrize(
    ("algorithm", "bits", "size"),
    [(Algorithm.AES, 128, 16), (Algorithm.AES, 256, 32), (Algorithm.HMAC_SHA256, 160, 20)],
)
def test_secret_keys(nss: PKCS11Store, algorithm: Algorithm, bits: int, size: int) -> None:
    template = KeyTemplate(algorithm=algorithm, length=bits, usage=Usage.ENCRYPT | Usage.DECRYPT)
    assert nss.can_hold(template)
    key = nss.generate_key(secrets.token_bytes(16), template)
    assert len(nss.release(key)) == size
    nss.destroy(key.cka_id)
    assert not nss.exists(key.cka_id)
    with pytest.raises(TokenKeyMissing):
        nss.release(key)


def test_a_key_pair(nss: PKCS11Store) -> None:
    template = KeyTemplate(
        algorithm=Algorithm.EC, length=256, curve=RecommendedCurve.P_256, usage=Usage.SIGN, public_usage=Usage.VERIFY
    )
    key, spki = nss.generate_key_pair(secrets.token_bytes(16), template)
    private = load_der_private_key(bytes(nss.release(key)), None)
    assert private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo) == spki


def test_cbc(nss: PKCS11Store) -> None:
    template = KeyTemplate(algorithm=Algorithm.AES, length=256, usage=Usage.ENCRYPT | Usage.DECRYPT)
    key = nss.generate_key(secrets.token_bytes(16), template)
    parameters = CipherParameters(algorithm=Algorithm.AES, block_cipher_mode=BlockCipherMode.CBC, iv=bytes(16))
    encryptor = Cipher(algorithms.AES(bytes(nss.release(key))), modes.CBC(bytes(16))).encryptor()
    expected = encryptor.update(bytes(32)) + encryptor.finalize()
    assert nss.encrypt(key, parameters, bytes(32)).data == expected
    assert nss.decrypt(key, parameters, expected, b"") == bytes(32)


def test_what_does_not_work_is_found_out(nss: PKCS11Store) -> None:
    """python-pkcs11 0.10.1 believes the length NSS reports for GCM, which lacks the tag."""
    wrapping = secrets.token_bytes(16)
    nss.create_wrapping_key(wrapping)
    with pytest.raises(MechanismUnavailable, match="AES_GCM"):
        nss.seal(wrapping, b"x", b"y")


def test_it_recovers(nss: PKCS11Store) -> None:
    key = nss.generate_key(secrets.token_bytes(16), KeyTemplate(algorithm=Algorithm.AES, length=256))
    material, connection = nss.release(key), nss._connection
    assert connection.login is not None
    connection.functions.code("C_CloseAllSessions", connection.login.token.slot.slot_id)
    assert nss.release(key) == material
    connection._suspect("a test", True, connection.epoch)
    assert nss.release(key) == material
    assert nss.health().up
