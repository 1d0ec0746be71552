"""MAC: HMAC over any hash, CMAC over any block cipher (KMIP 1.4, 4.33)."""

from __future__ import annotations

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.cmac import CMAC
from cryptography.hazmat.primitives.hmac import HMAC

from kmipd.core.algorithms.block_ciphers import BLOCK_CIPHERS
from kmipd.core.algorithms.errors import failed, name_of, unsupported
from kmipd.core.algorithms.hashes import HMAC_HASH, hash_of
from kmipd.core.ports import MACParameters

# No Poly1305: its key serves one message, and the MAC of an empty one is half of the key.


def mac(parameters: MACParameters, key: bytes, data: bytes) -> bytes:
    algorithm = parameters.algorithm
    context: HMAC | CMAC
    if algorithm in HMAC_HASH:
        context = HMAC(key, hash_of(HMAC_HASH[algorithm]))
    elif algorithm in BLOCK_CIPHERS:
        try:
            context = CMAC(BLOCK_CIPHERS[algorithm](key))
        except UnsupportedAlgorithm:
            raise unsupported(f"a MAC with {name_of(algorithm)}") from None
        except ValueError:
            raise failed(f"a key of {len(key) * 8} bits does not fit {algorithm.name}") from None
    else:
        raise unsupported(f"a MAC with {name_of(algorithm)}")
    context.update(data)
    return context.finalize()
