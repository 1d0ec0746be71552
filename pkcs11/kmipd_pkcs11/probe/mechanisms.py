"""Every mechanism that kmipd would use, tried with a known answer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from pkcs11.constants import Attribute as A
from pkcs11.mechanisms import KeyType, Mechanism

from kmipd.core.ports import CipherParameters, SignatureParameters
from kmipd.spec.enumerations import CryptographicAlgorithm, HashingAlgorithm, PaddingMethod
from kmipd_pkcs11 import known_keys, proofs
from kmipd_pkcs11.known_keys import KeySource
from kmipd_pkcs11.mechanisms import Plan, cipher_plan, sign_plan
from kmipd_pkcs11.probe.report import Report
from kmipd_pkcs11.probe.subject import Subject
from kmipd_pkcs11.release import OVERHEAD, WrapKind, WrapWay
from kmipd_pkcs11.sessions import PooledSession

_SECTION: Final = "mechanisms"
_SOURCES: Final = {
    KeySource.IMPORTED: "C_CreateObject",
    KeySource.AGREED: "ECDH, CKD_NULL",
    KeySource.AGREED_SHA256: "ECDH, CKD_SHA256_KDF",
}
_RSA: Final = CryptographicAlgorithm.RSA
_ODD: Final = bytes(range(20))  # a secret that is no whole number of blocks


def examine(subject: Subject, report: Report) -> KeySource | None:
    """How keys of known value are made is found first, since everything else needs them."""
    source = _source(subject, report)
    if source is None:
        return None
    for plan in _plans():
        name = f"CKM_{plan.mechanism.name} {plan.hash_name}".rstrip()
        if plan.mechanism not in subject.mechanisms:
            report.add(_SECTION, name, "not listed")
            continue
        result = _prove(subject, plan, source)
        right = result is True
        report.add(_SECTION, name, "right" if right else str(result or "another answer"), right)
        if plan.mechanism is Mechanism.AES_GCM:
            report.wrapped = right
    _wraps(subject, report, source)
    return source


def _prove(subject: Subject, plan: Plan, source: KeySource) -> bool | str:
    return subject.outcome(lambda session: proofs.prove(subject.functions, session, plan, source))


def _source(subject: Subject, report: Report) -> KeySource | None:
    for source in KeySource:
        made = subject.outcome(lambda session, source=source: proofs.makes(subject.functions, session, source))  # type: ignore[misc]
        report.add("keys of known value", _SOURCES[source], "yes" if made is True else str(made), made is True)
        if made is True:
            return source
    return None


def _plans() -> Iterator[Plan]:
    """One for each mechanism, with the parameters that matter."""
    for mechanism in (*proofs.CIPHERS, *proofs.MACS):
        yield Plan(mechanism)
    yield cipher_plan(CipherParameters(algorithm=_RSA, padding_method=PaddingMethod.PKCS1_V1_5))
    for hashing in (HashingAlgorithm.SHA_1, HashingAlgorithm.SHA_256):
        yield cipher_plan(
            CipherParameters(algorithm=_RSA, padding_method=PaddingMethod.OAEP, hashing_algorithm=hashing)
        )
    every = frozenset(int(mechanism) for mechanism in Mechanism)
    for padding in (PaddingMethod.PKCS1_V1_5, PaddingMethod.PSS):
        parameters = SignatureParameters(
            algorithm=_RSA, hashing_algorithm=HashingAlgorithm.SHA_256, padding_method=padding
        )
        yield sign_plan(parameters, b"", every).plan
    yield Plan(Mechanism.ECDSA)


def _wraps(subject: Subject, report: Report, source: KeySource) -> None:
    for way in (replace(way, source=source) for way in proofs.WRAPS):
        name = f"wrap {way.mechanism:#06x} as {way.kind.value}"
        if way.mechanism not in subject.mechanisms:
            report.add(_SECTION, name, "not listed")
            continue
        result = subject.outcome(lambda session, way=way: proofs.wraps(subject.functions, session, way))  # type: ignore[misc]
        right = result is True
        report.add(_SECTION, name, "right" if right else str(result or "something else"), right)
        if right and not report.released:
            report.released, report.way = True, way
            _padding(subject, report, way)


def _padding(subject: Subject, report: Report, way: WrapWay) -> None:
    """What becomes of a secret whose length is no multiple of eight."""

    def try_it(session: PooledSession) -> int:
        functions = subject.functions
        kek = known_keys.make(
            functions, session.handle, way.source, known_keys.template(KeyType.AES, A.WRAP), bytes(32)
        )
        wanted = known_keys.template(KeyType.GENERIC_SECRET, A.SIGN, extractable=True)
        odd = functions.create(session.handle, [*wanted, (A.VALUE, _ODD)])
        wrapped = functions.wrap(session.handle, way.mechanism, kek.handle, odd, len(_ODD) + OVERHEAD)
        return len(way.unwrap(kek.value, wrapped))

    size = subject.outcome(try_it)
    if isinstance(size, str):
        report.add(_SECTION, "wrap of 20 bytes", size, way.kind is WrapKind.KW)  # RFC 3394 takes whole blocks
        return
    report.wrap_pads_with_zeros = size > len(_ODD)
    report.add(_SECTION, "wrap of 20 bytes", f"{size} bytes" + (", zeros added" if size > len(_ODD) else ""))
