"""What the core asks of the world: key stores, the registry, the clock, audit. Others implement these protocols.

Key material that passes through here is `bytes`/`bytearray` held only for the call; nothing in this module prints it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from kmipd.core.failures import FailureReason
from kmipd.spec.enumerations import (
    BlockCipherMode,
    CryptographicAlgorithm,
    DigitalSignatureAlgorithm,
    HashingAlgorithm,
    MaskGenerator,
    PaddingMethod,
    RecommendedCurve,
)
from kmipd.spec.masks import CryptographicUsageMask
from kmipd.spec.values import quick

_NO_USAGE = CryptographicUsageMask(0)


class KeyClass(Enum):
    """The three object classes of PKCS#11 that hold keys."""

    SECRET = "secret"
    PUBLIC = "public"
    PRIVATE = "private"


@quick
@dataclass(frozen=True, slots=True)
class TokenKey:
    """All the registry remembers of a token object: enough to find it and to use it."""

    cka_id: bytes  # 16 random bytes, chosen before the key is made
    key_class: KeyClass
    algorithm: CryptographicAlgorithm
    length: int  # Cryptographic Length, bits
    material_size: int = 0  # true length in bytes of a secret key: some tokens pad with zeros when they wrap


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class KeyTemplate:
    """What a token object shall be. It is made with these attributes and never modified afterwards."""

    algorithm: CryptographicAlgorithm
    length: int  # bits; for EC keys the size of the curve
    curve: RecommendedCurve | None = None
    usage: CryptographicUsageMask = _NO_USAGE  # of the secret or private key
    public_usage: CryptographicUsageMask = _NO_USAGE
    extractable: bool = True
    label: str = ""


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class CipherParameters:
    """Encrypt and Decrypt, resolved: no defaults are left to guess."""

    algorithm: CryptographicAlgorithm
    block_cipher_mode: BlockCipherMode | None = None
    padding_method: PaddingMethod | None = None
    iv: bytes = b""
    tag_length: int = 16  # bytes, AEAD only
    additional_data: bytes = field(default=b"", repr=False)
    hashing_algorithm: HashingAlgorithm | None = None  # OAEP
    mask_generator_hash: HashingAlgorithm | None = None  # OAEP
    p_source: bytes = b""  # OAEP label


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class CipherResult:
    data: bytes = field(repr=False)
    tag: bytes = b""  # AEAD encryption only


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureParameters:
    """Sign and Signature Verify, resolved."""

    algorithm: CryptographicAlgorithm  # RSA, EC, ECDSA, DSA
    signature_algorithm: DigitalSignatureAlgorithm | None = None
    hashing_algorithm: HashingAlgorithm | None = None
    padding_method: PaddingMethod | None = None  # PSS or PKCS1 v1.5, RSA only
    mask_generator: MaskGenerator | None = None
    mask_generator_hash: HashingAlgorithm | None = None
    salt_length: int | None = None  # bytes
    digested: bool = False  # the data is already a digest


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class MACParameters:
    """MAC, resolved: HMAC over a hash, or CMAC over a block cipher."""

    algorithm: CryptographicAlgorithm  # HMAC_SHA256 …, or AES / TRIPLE_DES for CMAC


@dataclass(frozen=True, slots=True)
class TokenObject:
    """One row of a token's inventory."""

    cka_id: bytes
    key_class: KeyClass
    label: str
    internal: bool = False  # the store's own: its sentinel


@dataclass(frozen=True, slots=True)
class StoreHealth:
    up: bool
    reason: str  # "ok", or one sentence: what is wrong and what to do
    epoch: int  # of the login; bumped whenever handles become void
    module: str = ""
    token_label: str = ""
    token_serial: str = ""
    failure: FailureReason | None = None  # while it is down


class KeyStore(Protocol):
    """A token we are connected to. Every method may raise `StoreError`; all are safe to call from many threads."""

    @property
    def name(self) -> str: ...

    def health(self) -> StoreHealth: ...

    def random(self, size: int) -> bytes:
        """`size` bytes from the token's generator."""

    def seed_random(self, seed: bytes) -> int:
        """Add `seed` to the state of the token's generator; how many bytes were used, none where it takes no seed."""

    # Resident keys -------------------------------------------------------------------------------------------

    def can_hold(self, template: KeyTemplate) -> bool:
        """Whether this token can make such a key: mechanism and sizes, as probed, not as claimed."""

    def generate_key(self, cka_id: bytes, template: KeyTemplate) -> TokenKey:
        """Make a secret key with its final attributes and read them back. StoreDishonest if they differ."""

    def generate_key_pair(self, cka_id: bytes, template: KeyTemplate) -> tuple[TokenKey, bytes]:
        """Make a key pair; the private key, and the public key as SubjectPublicKeyInfo DER."""

    def release(self, key: TokenKey) -> bytearray:
        """The material of an extractable key, wrapped out under an ephemeral known-value key and unwrapped here.

        A secret key's bytes at their true length; a private key as PKCS#8 DER. The caller overwrites it.
        """

    def exists(self, cka_id: bytes) -> bool:
        """True or False only when the sentinel answers: "not found" from a sick token raises StoreUnavailable."""

    def destroy(self, cka_id: bytes) -> None:
        """Remove every object of this CKA_ID. Returns only when the token confirmed it, or they are proved absent."""

    def destroy_each(self, cka_ids: Collection[bytes]) -> frozenset[bytes]:
        """The same for many, with one look at the token; those of which nothing is left. What the token refuses to
        destroy is not among them."""

    def inventory(self) -> Sequence[TokenObject]:
        """Every key object in the token that is ours to see, the sentinel and wrapping keys included."""

    # Wrapped keys --------------------------------------------------------------------------------------------

    def create_wrapping_key(self, cka_id: bytes) -> None:
        """Make a resident, non-extractable AES-256 key for `seal` and `unseal`."""

    def seal(self, wrapping_key: bytes, plain: bytes, additional_data: bytes) -> bytes:
        """AES-256-GCM under the wrapping key of that CKA_ID: nonce (12, from the token) ‖ ciphertext ‖ tag (16)."""

    def unseal(self, wrapping_key: bytes, sealed: bytes, additional_data: bytes) -> bytes:
        """The inverse. StoreRefused when the tag does not match: the blob is not what was sealed for this object."""

    # Cryptography in the token; MechanismUnavailable when it cannot -------------------------------------------

    def encrypt(self, key: TokenKey, parameters: CipherParameters, data: bytes) -> CipherResult: ...

    def decrypt(self, key: TokenKey, parameters: CipherParameters, data: bytes, tag: bytes) -> bytes: ...

    def sign(self, key: TokenKey, parameters: SignatureParameters, data: bytes) -> bytes: ...

    def mac(self, key: TokenKey, parameters: MACParameters, data: bytes) -> bytes: ...


class Clock(Protocol):
    def now(self) -> int:
        """POSIX time in whole seconds: the resolution of KMIP's Date-Time."""
