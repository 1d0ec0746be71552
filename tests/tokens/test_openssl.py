"""What a module leaves in OpenSSL's error queue is not taken for an error of somebody's TLS connection."""

from __future__ import annotations

import contextlib
import secrets
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest

from kmipd.core.errors import StoreError
from kmipd.core.ports import CipherParameters, KeyTemplate
from kmipd.spec.enumerations import CryptographicAlgorithm, HashingAlgorithm, PaddingMethod
from kmipd.spec.masks import CryptographicUsageMask as M
from kmipd.trust.authority import Authority
from kmipd_pkcs11 import judging, module
from kmipd_pkcs11.store import PKCS11Store
from tests.tokens.conftest import Token

RSA = KeyTemplate(
    algorithm=CryptographicAlgorithm.RSA, length=2048, usage=M.DECRYPT, public_usage=M.ENCRYPT, extractable=False
)


@pytest.fixture
def tls(tmp_path: Path) -> ssl.SSLObject:
    """The server's end of a TLS connection that stands, with nothing to read."""
    Authority.create(tmp_path / "ca", "test", "ec")
    issued = Authority.load(tmp_path / "ca").issue_server(("localhost",), "ec")
    chain = tmp_path / "chain.pem"
    chain.write_bytes(issued.key_pem + issued.certificate_pem)
    context, trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_cert_chain(chain)
    trusting.load_verify_locations(tmp_path / "ca" / "ca.pem")
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = context.wrap_bio(there, back, server_side=True)
    client = trusting.wrap_bio(back, there, server_hostname="localhost")
    for end in (client, server, client, server):
        with contextlib.suppress(ssl.SSLWantReadError):
            end.do_handshake()
    assert waits(server)
    return server


def waits(tls: ssl.SSLObject) -> bool:
    """Whether a connection that has nothing to read says just that, in this thread."""
    try:
        tls.read(1)
    except ssl.SSLWantReadError:
        return True
    except ssl.SSLError:
        return False
    raise AssertionError("there is nothing to read")


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Leave the queue as the module left it, to see that there is something in it at all."""

    def keep() -> None:
        for one in (judging, module):
            monkeypatch.setattr(one, "forget_errors", lambda: None)

    return keep


def decrypt_garbage(store: PKCS11Store) -> None:
    key, _ = store.generate_key_pair(secrets.token_bytes(16), RSA)
    sha1 = HashingAlgorithm.SHA_1
    oaep = CipherParameters(  # whose padding OpenSSL refuses aloud; to garbage in PKCS#1 1.5 it answers more garbage
        algorithm=CryptographicAlgorithm.RSA,
        padding_method=PaddingMethod.OAEP,
        hashing_algorithm=sha1,
        mask_generator_hash=sha1,
    )
    with pytest.raises(StoreError):
        store.decrypt(key, oaep, bytes(256), b"")


def test_nothing_is_left(token: Token, open_store: Callable[..., PKCS11Store], tls: ssl.SSLObject) -> None:
    store = open_store(token)
    assert waits(tls)
    decrypt_garbage(store)
    assert waits(tls)


def test_something_would_be_left(
    token: Token, open_store: Callable[..., PKCS11Store], kept: Callable[[], None], tls: ssl.SSLObject
) -> None:
    kept()
    open_store(token)
    if waits(tls):
        pytest.skip("this build of SoftHSM2 looks for no engine that is not there")
