"""Encrypt with an RSA public key, decrypt with the private one: PKCS#1 v1.5 and OAEP."""

from __future__ import annotations

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import load_der_private_key, load_der_public_key

from kmipd.core.algorithms.errors import failed, name_of, unsupported
from kmipd.core.algorithms.hashes import hash_of
from kmipd.core.ports import CipherParameters
from kmipd.spec.enumerations import HashingAlgorithm, PaddingMethod

_COMBINATION = "this combination of key, padding and hashes"


def encrypt(parameters: CipherParameters, public: bytes, data: bytes) -> bytes:
    """`public` is SubjectPublicKeyInfo DER."""
    try:
        key = load_der_public_key(public)
        if not isinstance(key, rsa.RSAPublicKey):
            raise unsupported("encryption with a public key that is not RSA")
        return key.encrypt(data, _padding(parameters))
    except UnsupportedAlgorithm:
        raise unsupported(_COMBINATION) from None
    except ValueError:
        raise failed("this is no public key, or the data is too long for it and the padding") from None


def decrypt(parameters: CipherParameters, private: bytes, data: bytes) -> bytes:
    """`private` is PKCS#8 DER."""
    try:
        key = load_der_private_key(private, None, unsafe_skip_rsa_key_validation=True)
        if not isinstance(key, rsa.RSAPrivateKey):
            raise unsupported("decryption with a private key that is not RSA")
        return key.decrypt(data, _padding(parameters))
    except UnsupportedAlgorithm:
        raise unsupported(_COMBINATION) from None
    except ValueError:
        raise failed("the data does not decrypt under this key and these parameters") from None


def _padding(parameters: CipherParameters) -> padding.AsymmetricPadding:
    method = parameters.padding_method
    if method is PaddingMethod.PKCS1_V1_5:
        return padding.PKCS1v15()
    if method is not PaddingMethod.OAEP:
        raise unsupported(f"the RSA padding method {name_of(method)}")
    hashing = parameters.hashing_algorithm or HashingAlgorithm.SHA_1
    mask = parameters.mask_generator_hash or hashing
    label = parameters.p_source or None
    return padding.OAEP(padding.MGF1(hash_of(mask)), hash_of(hashing), label)
