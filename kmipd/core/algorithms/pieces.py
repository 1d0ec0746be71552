"""A cipher whose data comes in pieces: which call over whole data each piece becomes.

The chained modes go on from the last block they made, so that nothing else need be kept. Authenticated encryption and
stream ciphers begin again with all the data there is and give out what is new: their inner state is in no result.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from kmipd.core.algorithms import ciphers
from kmipd.core.algorithms.block_ciphers import block_size
from kmipd.core.ports import CipherParameters, CipherResult
from kmipd.spec.enumerations import BlockCipherMode as M
from kmipd.spec.enumerations import CryptographicAlgorithm as CA

Encrypt = Callable[[CipherParameters, bytes], CipherResult]
Decrypt = Callable[[CipherParameters, bytes, bytes], bytes]
_BY_BLOCK = frozenset({M.CBC, M.ECB, M.CFB, M.OFB, M.CTR})
# Modes whose every byte may depend on the last one, or on where the data ends.
_AT_ONCE = frozenset({M.PCBC, M.XTS, M.NIST_KEY_WRAP, M.AES_KEY_WRAP_PADDING})


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a stream has come: `parameters` with the IV that the next call begins with."""

    parameters: CipherParameters
    pending: bytes = field(default=b"", repr=False)  # data that no result covers, or all of it where that is needed
    given: int = 0  # bytes of results given out already, where all data is kept
    tag: bytes = b""  # to be checked when the last piece has come

    @property
    def held(self) -> int:
        """Bytes of data that wait here."""
        return len(self.pending) + len(self.parameters.additional_data)


def encrypt(progress: Progress, data: bytes, run: Encrypt, *, final: bool) -> tuple[Progress, CipherResult]:
    data = progress.pending + data
    if progress.parameters.block_cipher_mode in _AT_ONCE:
        whole = run(progress.parameters, data) if final else CipherResult(data=b"")
        return replace(progress, pending=data), whole
    if progress.parameters.block_cipher_mode not in _BY_BLOCK:
        result = run(progress.parameters, data)
        ahead = replace(progress, pending=data, given=len(result.data))
        return ahead, CipherResult(data=result.data[progress.given :], tag=result.tag if final else b"")
    if final:
        return progress, run(progress.parameters, data)
    now, later = _cut(progress, data, keep=0)
    out = run(_unpadded(progress), now).data if now else b""
    return _ahead(progress, plain=now, cipher=out, pending=later), CipherResult(data=out)


def decrypt(progress: Progress, data: bytes, run: Decrypt, *, final: bool) -> tuple[Progress, bytes]:
    data = progress.pending + data
    parameters = progress.parameters
    at_once = parameters.algorithm is CA.RSA or parameters.block_cipher_mode in _AT_ONCE
    if at_once or ciphers.authenticated(parameters.algorithm, parameters.block_cipher_mode):
        # No plaintext is given out before the tag over all of it was found to be right (SP 800-38D, 7.2); an RSA
        # ciphertext is one block.
        return replace(progress, pending=data), run(parameters, data, progress.tag) if final else b""
    if parameters.block_cipher_mode not in _BY_BLOCK:
        plain = run(parameters, data, b"")
        return replace(progress, pending=data, given=len(plain)), plain[progress.given :]
    if final:
        return progress, run(parameters, data, b"")
    # Only the last piece knows whether a block at the end holds padding.
    now, later = _cut(progress, data, keep=1)
    plain = run(_unpadded(progress), now, b"") if now else b""
    return _ahead(progress, plain=plain, cipher=now, pending=later), plain


def _unpadded(progress: Progress) -> CipherParameters:
    return replace(progress.parameters, padding_method=None)


def _cut(progress: Progress, data: bytes, *, keep: int) -> tuple[bytes, bytes]:
    """Whole blocks, and the rest, which is at least `keep` bytes long."""
    size = block_size(progress.parameters.algorithm)
    cut = max(len(data) - keep, 0) // size * size
    return data[:cut], data[cut:]


def _ahead(progress: Progress, *, plain: bytes, cipher: bytes, pending: bytes) -> Progress:
    parameters = progress.parameters
    if plain:
        iv = _next_iv(parameters, plain, cipher)
        parameters = replace(parameters, iv=iv)
    return replace(progress, parameters=parameters, pending=pending)


def _next_iv(parameters: CipherParameters, plain: bytes, cipher: bytes) -> bytes:
    """What stands where the IV stood, after these whole blocks (SP 800-38A, 6)."""
    size = block_size(parameters.algorithm)
    match parameters.block_cipher_mode:
        case M.CBC | M.CFB:
            return cipher[-size:]
        case M.OFB:
            return bytes(p ^ c for p, c in zip(plain[-size:], cipher[-size:], strict=True))
        case M.CTR:
            counter = int.from_bytes(parameters.iv, "big") + len(plain) // size
            return (counter % (1 << size * 8)).to_bytes(size, "big")
        case _:
            return b""
