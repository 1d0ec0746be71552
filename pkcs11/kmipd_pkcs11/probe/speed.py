"""What a call takes: the median of a few, as one thread sees it."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Final

from pkcs11.constants import Attribute as A
from pkcs11.mechanisms import KeyType, Mechanism

from kmipd.core.ports import KeyTemplate
from kmipd.spec.enumerations import CryptographicAlgorithm as Algorithm
from kmipd.spec.masks import CryptographicUsageMask as Usage
from kmipd_pkcs11 import known_keys, templates
from kmipd_pkcs11.crypt import BoundKey
from kmipd_pkcs11.known_keys import P256, KeySource
from kmipd_pkcs11.probe.report import Report
from kmipd_pkcs11.probe.subject import LABEL, Subject
from kmipd_pkcs11.raw import TRUE, ulong
from kmipd_pkcs11.sessions import PooledSession

_SECTION: Final = "speed"
_SECONDS: Final = 0.5  # that one measurement may take, after the first call
_ROUNDS: Final = 50
_AES: Final = KeyTemplate(algorithm=Algorithm.AES, length=256, usage=Usage.ENCRYPT, extractable=False)


def examine(subject: Subject, report: Report, source: KeySource | None) -> None:
    functions = subject.functions

    def measure(what: str, prepare: Callable[[PooledSession], Callable[[], object]]) -> None:
        result = subject.outcome(lambda session: _median(prepare(session)))
        report.add(_SECTION, what, result if isinstance(result, str) else f"{result * 1e6:,.0f} µs")

    def token_key(session: PooledSession) -> Callable[[], object]:
        kind = templates.secret_kind(_AES)
        assert kind is not None
        asked = templates.labelled(templates.secret(kind, subject.new_id(), _AES), LABEL)

        def make() -> None:
            functions.destroy(session.handle, functions.generate(session.handle, kind.mechanism, asked))

        return make

    def sign(
        mechanism: Mechanism, pair: Mechanism, parameter: tuple[int, bytes], key_type: KeyType
    ) -> Callable[[PooledSession], Callable[[], object]]:
        def prepare(session: PooledSession) -> Callable[[], object]:
            _, private = known_keys.generate_pair(functions, session.handle, pair, parameter, A.SIGN)
            key = BoundKey(session.session, private, key_type)
            return lambda: key.signed(mechanism, None, bytes(32))

        return prepare

    absent = ((A.TOKEN, TRUE), (A.ID, subject.new_id()))
    measure("32 random bytes", lambda session: lambda: session.session.generate_random(256))
    measure("find a key that is not there", lambda session: lambda: functions.find(session.handle, absent))
    measure("make and destroy an AES-256 token key", token_key)
    if source is not None:
        measure("AES-CBC, 256 bytes", lambda session: _cbc(subject, session, source))
    measure("ECDSA P-256", sign(Mechanism.ECDSA, Mechanism.EC_KEY_PAIR_GEN, (A.EC_PARAMS, P256), KeyType.EC))
    bits = (A.MODULUS_BITS, ulong(2048))
    measure("RSA-2048 signature", sign(Mechanism.RSA_PKCS, Mechanism.RSA_PKCS_KEY_PAIR_GEN, bits, KeyType.RSA))


def _cbc(subject: Subject, session: PooledSession, source: KeySource) -> Callable[[], object]:
    wanted = known_keys.template(KeyType.AES, A.ENCRYPT)
    made = known_keys.make(subject.functions, session.handle, source, wanted, bytes(32))
    key = BoundKey(session.session, made.handle, KeyType.AES)
    return lambda: key.encrypted(Mechanism.AES_CBC, bytes(16), bytes(256))


def _median(call: Callable[[], object]) -> float:
    call()
    took: list[float] = []
    until = time.monotonic() + _SECONDS
    while len(took) < _ROUNDS and time.monotonic() < until:
        begun = time.perf_counter()
        call()
        took.append(time.perf_counter() - begun)
    return statistics.median(took) if took else _SECONDS
