"""KMIP's hashing algorithms in `cryptography`'s terms."""

from __future__ import annotations

import warnings

from cryptography.hazmat.primitives import hashes

from kmipd.core.algorithms.errors import name_of, unsupported
from kmipd.spec.enumerations import CryptographicAlgorithm as CA
from kmipd.spec.enumerations import HashingAlgorithm as HA

HASHES: dict[HA, type[hashes.HashAlgorithm]] = {
    HA.MD5: hashes.MD5,
    HA.SHA_1: hashes.SHA1,
    HA.SHA_224: hashes.SHA224,
    HA.SHA_256: hashes.SHA256,
    HA.SHA_384: hashes.SHA384,
    HA.SHA_512: hashes.SHA512,
    HA.SHA_512_224: hashes.SHA512_224,
    HA.SHA_512_256: hashes.SHA512_256,
    HA.SHA3_224: hashes.SHA3_224,
    HA.SHA3_256: hashes.SHA3_256,
    HA.SHA3_384: hashes.SHA3_384,
    HA.SHA3_512: hashes.SHA3_512,
}
HMAC_HASH: dict[CA, HA] = {
    CA.HMAC_MD5: HA.MD5,
    CA.HMAC_SHA1: HA.SHA_1,
    CA.HMAC_SHA224: HA.SHA_224,
    CA.HMAC_SHA256: HA.SHA_256,
    CA.HMAC_SHA384: HA.SHA_384,
    CA.HMAC_SHA512: HA.SHA_512,
    CA.HMAC_SHA3_224: HA.SHA3_224,
    CA.HMAC_SHA3_256: HA.SHA3_256,
    CA.HMAC_SHA3_384: HA.SHA3_384,
    CA.HMAC_SHA3_512: HA.SHA3_512,
}

#: What a digest of so many bytes is taken for when nobody says.
BY_DIGEST_SIZE: dict[int, HA] = {
    16: HA.MD5,
    20: HA.SHA_1,
    28: HA.SHA_224,
    32: HA.SHA_256,
    48: HA.SHA_384,
    64: HA.SHA_512,
}


def hash_of(algorithm: HA | None) -> hashes.HashAlgorithm:
    if algorithm is None:
        raise unsupported("this operation without a Hashing Algorithm")
    found = HASHES.get(algorithm)
    if found is None:
        raise unsupported(f"the hashing algorithm {name_of(algorithm)}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MD5 is offered for old data only
        return found()


def digest(algorithm: HA, data: bytes) -> bytes:
    context = hashes.Hash(hash_of(algorithm))
    context.update(data)
    return context.finalize()
