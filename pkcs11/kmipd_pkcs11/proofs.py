"""Known-answer checks: a mechanism is used only after it did what its name says, on keys of known value.

Names do not suffice: CKM_AES_KEY_WRAP_PAD (0x210A) is RFC 5649 on SoftHSM2 and a format of its own on NSS. Results hold
for one login; a login may be with another firmware. A failed check holds for some seconds only: the token may have had
a bad moment. The values of the keys are ours, or agreed on with a token that takes none of ours. The checks use session
objects and leave nothing behind.
"""

from __future__ import annotations

import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap
from pkcs11.constants import Attribute as A
from pkcs11.mechanisms import GCMParams, KeyType, Mechanism

from kmipd.core.errors import MechanismUnavailable
from kmipd_pkcs11 import expected, known_keys, proofs_rsa_ec
from kmipd_pkcs11.crypt import BoundKey, encrypt
from kmipd_pkcs11.errors import VAGUE, ErrorClass, Verb, classify, code_of, name_of
from kmipd_pkcs11.known_keys import KeySource
from kmipd_pkcs11.mechanisms import Plan
from kmipd_pkcs11.raw import Functions
from kmipd_pkcs11.release import OVERHEAD, WrapKind, WrapWay
from kmipd_pkcs11.sessions import PooledSession

if TYPE_CHECKING:
    from kmipd_pkcs11.connection import Connection

_WRONG: Final = "its known answer is wrong"
DOUBT_SECONDS = 5.0  # between two attempts at a check that fails: cheap, and a passing fault is soon forgotten
_AES = bytes(range(32))
_DES3 = bytes.fromhex("0123456789abcdef23456789abcdef01456789abcdef0123")
_TEXT = b"kmipd: a known answer, 32 bytes."
_SHORT = _TEXT[:21]
_IV = bytes(range(0xF0, 0x100))
_M = Mechanism


@dataclass(frozen=True, slots=True)
class Known:
    """One answer, from `cryptography`."""

    key_type: KeyType
    key: bytes
    plain: bytes
    answer: bytes
    parameter: object = None


def _known(key_type: KeyType, plain: bytes, answer: str, parameter: object = None) -> Known:
    key = {KeyType.AES: _AES, KeyType.DES3: _DES3}.get(key_type, bytes(range(64)))
    return Known(key_type, key, plain, bytes.fromhex(answer), parameter)


_HMAC = KeyType.GENERIC_SECRET
CIPHERS: Final = {
    _M.AES_ECB: _known(KeyType.AES, _TEXT, "c1f82c9e0a7e9ee43c56b0d702b0417de7f8efd73b9d9c8b4aa5d43a45e213cd"),
    _M.AES_CBC: _known(KeyType.AES, _TEXT, "5e3df1b566a1d276705962cadbe58dbfdf77713602fe4a3472be05bf75daf81e", _IV),
    _M.AES_CBC_PAD: _known(
        KeyType.AES, _SHORT, "5e3df1b566a1d276705962cadbe58dbfaece4c67578217efd6db7343562abfae", _IV
    ),
    _M.AES_CTR: _known(  # the carry must go into the upper half of the counter
        KeyType.AES,
        _TEXT,
        "cd96b22c99da5d7a7896584e00d2dfbe3f6ea28ae8440b4e96bff3b1182a09ed",
        struct.pack("@L16s", 128, bytes(8) + b"\xff" * 8),
    ),
    _M.AES_GCM: _known(
        KeyType.AES,
        _SHORT,
        "026b2a701800f215bf9c99f5f92442d77e922ea74a8f924888053dc249be5c4ab228d636d5",
        GCMParams(_IV[:12], b"kmipd", 128),
    ),
    _M.DES3_ECB: _known(KeyType.DES3, _TEXT, "d05f2d91222b6c63de21d0109d1e10d8720063ca22c4935e674fdb3b4dcf9610"),
    _M.DES3_CBC: _known(
        KeyType.DES3, _TEXT, "9fa6b0919f029bcdd61d763944f52d8ee03f0741e9d3b7a7aa5eb767bfc2a44b", _IV[:8]
    ),
    _M.DES3_CBC_PAD: _known(KeyType.DES3, _SHORT, "9fa6b0919f029bcdd61d763944f52d8e4ace7e65c871811f", _IV[:8]),
}
MACS: Final = {
    _M.AES_CMAC: _known(KeyType.AES, _SHORT, "ffe4e60c87f3ace5e6f4128a8477b35d"),
    _M.DES3_CMAC: _known(KeyType.DES3, _SHORT, "fe79e6eeb305a4fc"),
    _M.SHA_1_HMAC: _known(_HMAC, _TEXT, "3bf2230d274dcbee2d0203ec0b66e008bd2c89fb"),
    _M.SHA224_HMAC: _known(_HMAC, _TEXT, "6cffe152a975ab40acb3ed9acd1fd3de6421ef7a36968d5c0964e164"),
    _M.SHA256_HMAC: _known(_HMAC, _TEXT, "d2dbf7737f7c3eb7b0d70dfdae27af12c333146eb8b904a6c462082fd78d41e6"),
    _M.SHA384_HMAC: _known(
        _HMAC,
        _TEXT,
        "0151db3644472d93849df12293f776c3a632d378dd1ccafab10e2607dcbbd7463e01a2bc395618c0dc231c9cdf4f0dda",
    ),
    _M.SHA512_HMAC: _known(
        _HMAC,
        _TEXT,
        "e02541ba5f69fc5425b0d6959048dbf24a6ea8500ee46a1783fb47ada8d49ed6"
        "3c7b094d8e9dbdec2fdb0a44eca85e3f79b90ccbf906cb8b10df6d353e67be13",
    ),
}

#: In the order of preference. 0x210B says what it does; 0x210A has to be found out; 0x2109 takes whole blocks only.
WRAPS: Final = (
    WrapWay(0x210B, WrapKind.KWP),
    WrapWay(0x210A, WrapKind.KWP),
    WrapWay(0x2109, WrapKind.KW),
)


@dataclass(frozen=True, slots=True)
class Refuted:
    why: str
    until: float  # (of the monotonic clock) it is not tried again


class Proofs:
    """What one token was seen to do, under one login."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._epoch = -1
        self._lock = threading.Lock()
        self._mechanisms: frozenset[int] = frozenset()
        self._held: set[object] = set()
        self._refuted: dict[object, Refuted] = {}
        self._vague: set[object] = set()
        self._way: WrapWay | None = None

    def mechanisms(self) -> frozenset[int]:
        """The numbers of all mechanisms the token lists. Their flags are not trusted: SoftHSM2's are random bits."""
        self._fresh()
        return self._mechanisms

    def demand(self, session: PooledSession, plan: Plan) -> None:
        """MechanismUnavailable unless the token lists the mechanism and its known answer is right."""
        self._fresh()
        if plan.proof in self._held:
            return
        listed = plan.mechanism in self._mechanisms
        source = self.source(session) if listed else KeySource.IMPORTED
        if not (listed and self._holds(plan.proof, lambda: prove(self._connection.functions, session, plan, source))):
            what = f"CKM_{plan.mechanism.name} {plan.hash_name} {plan.mgf_name}".rstrip()
            why = self._why(plan.proof) if listed else "the token does not list it"
            raise self._unavailable(f"has no working {what}: {why}")

    def wrap_way(self, session: PooledSession) -> WrapWay:
        """How keys are released; MechanismUnavailable when no way is proved."""
        self._fresh()
        if self._way is None:
            source, functions = self.source(session), self._connection.functions
            listed = (replace(way, source=source) for way in WRAPS if way.mechanism in self._mechanisms)
            self._way = next(
                (way for way in listed if self._holds(way, lambda way=way: wraps(functions, session, way))),  # type: ignore[misc]
                None,
            )
        if self._way is None:
            tried = [way for way in tuple(self._refuted) if isinstance(way, WrapWay)]
            why = "; ".join(f"0x{way.mechanism:04x}: {self._why(way)}" for way in tried) or "it lists no way to"
            raise self._unavailable(f"wraps no key under a key of known value, so nothing can be released: {why}")
        return self._way

    def source(self, session: PooledSession) -> KeySource:
        """How keys of known value are made; MechanismUnavailable when the token has no way."""
        self._fresh()
        functions = self._connection.functions
        for source in KeySource:
            if self._holds(source, lambda source=source: makes(functions, session, source)):  # type: ignore[misc]
                return source
        why = "; ".join(f"{source.name.lower()}: {self._why(source)}" for source in KeySource)
        raise self._unavailable(f"takes no key of known value: {why}")

    def _unavailable(self, what: str) -> MechanismUnavailable:
        name = self._connection.settings.name
        return MechanismUnavailable(f"key store {name!r} {what}", store=name)

    def _why(self, name: object) -> str:
        """Another thread may have begun anew under another login meanwhile."""
        found = self._refuted.get(name)
        return "it is being looked at anew" if found is None else found.why

    def _fresh(self) -> None:
        epoch, login = self._connection.epoch, self._connection.login
        if self._epoch == epoch or login is None:
            return
        mechanisms = frozenset(int(mechanism) for mechanism in login.token.slot.get_mechanisms())
        with self._lock:
            if self._epoch != epoch:  # else somebody was faster, and may have proved something since
                self._mechanisms = mechanisms
                self._held, self._refuted, self._vague, self._way = set(), {}, set(), None
                self._epoch = epoch

    def _holds(self, name: object, proof: Callable[[], bool]) -> bool:
        """Whether it is proved, or can be proved now; one that has failed lately is not tried again yet."""
        if name in self._held:
            return True
        now = time.monotonic()
        refuted = self._refuted.get(name)
        if refuted is not None and now < refuted.until:
            return False
        why = self._try(name, proof)
        if not why:
            self._held.add(name)
            return True
        self._refuted[name] = Refuted(why, now + DOUBT_SECONDS)
        self._vague.discard(name)
        return False

    def _try(self, name: object, proof: Callable[[], bool]) -> str:
        """Nothing when it is proved, else why not; a refusal is a "no". A sick token or session is not our answer to
        give, so other errors go on to the connection, which tries again; only the second vague one is a "no" too."""
        try:
            return "" if proof() else _WRONG
        except (InvalidUnwrap, InvalidTag, ValueError):
            return _WRONG
        except Exception as error:
            code = code_of(error)
            if code is None or (code in VAGUE and name not in self._vague):
                self._vague.add(name)
                raise
            error_class = classify(code, Verb.DECRYPT, self._connection.facts.overrules)
            if error_class in (ErrorClass.CALLER, ErrorClass.MECHANISM):
                return f"a check of it was answered with {name_of(code)}"
            raise


def prove(functions: Functions, session: PooledSession, plan: Plan, source: KeySource) -> bool:
    """Whether the mechanism gives the known answer; raises what the token says, ValueError where there is no proof."""
    if plan.mechanism in CIPHERS:
        return _ciphers(functions, session, plan.mechanism, CIPHERS[plan.mechanism], source)
    if plan.mechanism in MACS:
        return _macs(functions, session, plan.mechanism, MACS[plan.mechanism], source)
    return proofs_rsa_ec.prove(functions, session, plan, source)


def _ciphers(
    functions: Functions, session: PooledSession, mechanism: Mechanism, known: Known, source: KeySource
) -> bool:
    made, answer = _key(functions, session, known, source, (A.ENCRYPT, A.DECRYPT)), known.answer
    with functions.passing(session.handle, made.handle):
        if source is not KeySource.IMPORTED:
            answer = expected.cipher(mechanism, bytes(made.value), known.parameter, known.plain)
        key = BoundKey(session.session, made.handle, known.key_type)
        right = encrypt(functions, key, mechanism, known.parameter, known.plain) == answer
        return right and key.decrypted(mechanism, known.parameter, answer) == known.plain


def _macs(functions: Functions, session: PooledSession, mechanism: Mechanism, known: Known, source: KeySource) -> bool:
    made, answer = _key(functions, session, known, source, (A.SIGN, A.VERIFY)), known.answer
    with functions.passing(session.handle, made.handle):
        if source is not KeySource.IMPORTED:
            answer = expected.mac(mechanism, bytes(made.value), known.plain)
        return BoundKey(session.session, made.handle, known.key_type).signed(mechanism, None, known.plain) == answer


def _key(
    functions: Functions, session: PooledSession, known: Known, source: KeySource, may: tuple[A, ...]
) -> known_keys.KnownKey:
    return known_keys.make(functions, session.handle, source, known_keys.template(known.key_type, *may), known.key)


def makes(functions: Functions, session: PooledSession, source: KeySource) -> bool:
    """Whether the token takes part in this; that the value is the one we know shows when the key is used."""
    made = known_keys.make(functions, session.handle, source, known_keys.template(KeyType.AES, A.WRAP), _AES)
    functions.code("C_DestroyObject", session.handle, made.handle)
    return True


def wraps(functions: Functions, session: PooledSession, way: WrapWay) -> bool:
    """Whether the token wraps in this way; raises what the token or the unwrapping says."""

    def make(value: bytes, *may: A, extractable: bool = False) -> known_keys.KnownKey:
        wanted = known_keys.template(KeyType.AES, *may, extractable=extractable)
        return known_keys.make(functions, session.handle, way.source, wanted, value)

    kek = make(_AES, A.WRAP)
    with functions.passing(session.handle, kek.handle):
        target = make(_TEXT, A.ENCRYPT, extractable=True)
        with functions.passing(session.handle, target.handle):
            wrapped = functions.wrap(session.handle, way.mechanism, kek.handle, target.handle, len(_TEXT) + OVERHEAD)
            return way.unwrap(kek.value, wrapped) == target.value
