"""The block ciphers of `cryptography` under their names in KMIP."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cryptography.hazmat.decrepit.ciphers import algorithms as old
from cryptography.hazmat.primitives.ciphers import algorithms

from kmipd.core.algorithms.errors import failed, name_of, unsupported
from kmipd.core.errors import KmipError
from kmipd.core.ports import CipherParameters
from kmipd.spec.enumerations import CryptographicAlgorithm as CA
from kmipd.spec.enumerations import ResultReason

BLOCK_CIPHERS: dict[CA, Callable[[bytes], Any]] = {
    CA.AES: algorithms.AES,
    CA.TRIPLE_DES: old.TripleDES,
    CA.BLOWFISH: old.Blowfish,
    CA.CAMELLIA: old.Camellia,
    CA.CAST5: old.CAST5,
    CA.IDEA: old.IDEA,
    CA.RC2: old.RC2,
    CA.SEED: old.SEED,
    CA.SM4: algorithms.SM4,
}
_OF_16_BYTES = frozenset({CA.AES, CA.CAMELLIA, CA.SEED, CA.SM4})


def block_size(algorithm: CA) -> int:
    """Bytes."""
    if algorithm not in BLOCK_CIPHERS:
        raise unsupported(f"the cipher {name_of(algorithm)}")
    return 16 if algorithm in _OF_16_BYTES else 8


def algorithm_with(algorithm: CA, key: bytes) -> Any:
    """The cipher with its key, for `cryptography`'s `Cipher`."""
    make = BLOCK_CIPHERS.get(algorithm)
    if make is None:
        raise unsupported(f"the cipher {name_of(algorithm)}")
    try:
        return make(key)
    except ValueError:
        raise failed(f"a key of {len(key) * 8} bits does not fit {name_of(algorithm)}") from None


def require_block_iv(parameters: CipherParameters) -> None:
    """Invalid Message unless the IV is one block long."""
    size = block_size(parameters.algorithm)
    if len(parameters.iv) != size:
        raise KmipError(
            ResultReason.INVALID_MESSAGE,
            f"IV/Counter/Nonce has {len(parameters.iv)} bytes; {name_of(parameters.block_cipher_mode)} needs {size}",
        )
