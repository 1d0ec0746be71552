"""Whether keys are what was asked for, and whether what must be refused is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from cryptography.hazmat.primitives import keywrap
from pkcs11.constants import Attribute as A
from pkcs11.mechanisms import GCMParams, KeyType, Mechanism

from kmipd.core.ports import KeyTemplate
from kmipd.spec.enumerations import CryptographicAlgorithm as Algorithm
from kmipd.spec.enumerations import RecommendedCurve
from kmipd.spec.masks import CryptographicUsageMask as Usage
from kmipd_pkcs11 import known_keys, templates
from kmipd_pkcs11.codes import CKR
from kmipd_pkcs11.crypt import BoundKey
from kmipd_pkcs11.errors import CallFailed, ErrorClass, Verb, classify, name_of
from kmipd_pkcs11.known_keys import KeySource
from kmipd_pkcs11.probe.report import Report
from kmipd_pkcs11.probe.subject import LABEL, Refused, Subject
from kmipd_pkcs11.raw import TRUE
from kmipd_pkcs11.release import OVERHEAD, WrapKind
from kmipd_pkcs11.sessions import PooledSession

_SECTION: Final = "honesty"
_CIPHER: Final = Usage.ENCRYPT | Usage.DECRYPT
_KEYS: Final = (
    *(KeyTemplate(algorithm=Algorithm.AES, length=bits, usage=_CIPHER) for bits in (128, 256)),
    KeyTemplate(algorithm=Algorithm.AES, length=256, usage=_CIPHER, extractable=False),
    KeyTemplate(algorithm=Algorithm.HMAC_SHA256, length=256, usage=Usage.MAC_GENERATE),
)
_PAIRS: Final = (
    KeyTemplate(algorithm=Algorithm.RSA, length=2048, usage=Usage.SIGN),
    KeyTemplate(algorithm=Algorithm.EC, length=256, curve=RecommendedCurve.P_256, usage=Usage.SIGN),
)


def examine(subject: Subject, report: Report, source: KeySource | None) -> None:
    for template in _KEYS:
        _secret(subject, report, template)
    for template in _PAIRS:
        _pair(subject, report, template)
    _guarded(subject, report)
    if source is not None:
        _unextractable(subject, report, source)
        _unwrapped(subject, report)
        _bad_input(subject, report, source)


def _name(template: KeyTemplate) -> str:
    return f"{template.algorithm.name}-{template.length}{'' if template.extractable else ', not extractable'}"


def _read_back(subject: Subject, session: PooledSession, handle: int, asked: templates.Attributes) -> list[str]:
    got = subject.functions.attributes(session.handle, handle, [(attribute, len(value)) for attribute, value in asked])
    return templates.differences(asked, got, frozenset())


def _secret(subject: Subject, report: Report, template: KeyTemplate) -> None:
    kind = templates.secret_kind(template)
    assert kind is not None
    asked = templates.secret(kind, subject.new_id(), template)

    def make(session: PooledSession) -> list[str]:
        functions = subject.functions
        handle = functions.generate(session.handle, kind.mechanism, templates.labelled(asked, LABEL))
        try:
            return _read_back(subject, session, handle, asked)
        finally:
            functions.destroy(session.handle, handle)

    result = subject.outcome(make)
    if template.algorithm is Algorithm.AES:
        report.resident = report.resident or result == []
    _note(report, f"make {_name(template)}", result)


def _note(report: Report, subject: str, result: list[str] | str) -> None:
    if isinstance(result, str):
        report.add(_SECTION, subject, result, False)
    elif result:
        report.not_read_back |= set(result)
        report.add(_SECTION, subject, f"differs in {', '.join(result)}", False)
    else:
        report.add(_SECTION, subject, "as asked", True)


def _pair(subject: Subject, report: Report, template: KeyTemplate) -> None:
    result = subject.outcome(lambda session: _make_pair(subject, session, template))
    if isinstance(result, str):
        in_step = subject.outcome(lambda session: _make_pair(subject, session, templates.in_step(template)))
        if not isinstance(in_step, str):
            report.pairs_in_step = True
            report.add(_SECTION, f"make {_name(template)} alone", f"{result}; with a matching public key it does")
            result = in_step
    _note(report, f"make {_name(template)} pair", result)


def _make_pair(subject: Subject, session: PooledSession, template: KeyTemplate) -> list[str]:
    kind = templates.pair_kind(template, 2048)
    assert kind is not None
    cka_id, functions = subject.new_id(), subject.functions
    asked = templates.public(kind, cka_id, template), templates.private(kind, cka_id, template)
    whole = templates.labelled(asked[0], LABEL), templates.labelled(asked[1], LABEL)
    handles = functions.generate_pair(session.handle, kind.mechanism, *whole)
    try:
        return [
            wrong
            for handle, one in zip(handles, asked, strict=True)
            for wrong in _read_back(subject, session, handle, one)
        ]
    finally:
        for handle in handles:
            functions.destroy(session.handle, handle)


def _refusal(subject: Subject, report: Report, what: str, work: Callable[[PooledSession], object]) -> bool:
    """Note whether `work` is refused, as it must be."""
    result = subject.outcome(work)
    refused = isinstance(result, str)
    report.add(_SECTION, what, f"refused: {result}" if refused else "DONE, though it must not be", refused)
    return refused


def _guarded(subject: Subject, report: Report) -> None:
    """A sensitive key is not read, and a final one not changed."""
    kind = templates.secret_kind(_KEYS[2])
    assert kind is not None

    def with_key(work: Callable[[PooledSession, int], object]) -> Callable[[PooledSession], object]:
        asked = templates.labelled(templates.secret(kind, subject.new_id(), _KEYS[2]), LABEL)

        def run(session: PooledSession) -> object:
            handle = subject.functions.generate(session.handle, kind.mechanism, asked)
            try:
                return work(session, handle)
            finally:
                subject.functions.destroy(session.handle, handle)

        return run

    def read(session: PooledSession, handle: int) -> object:
        (value,) = subject.functions.attributes(session.handle, handle, ((A.VALUE, 32),))
        if value is None:
            raise CallFailed("C_GetAttributeValue", CKR.ATTRIBUTE_SENSITIVE)
        return value

    def loosen(session: PooledSession, handle: int) -> object:
        subject.functions.set_attributes(session.handle, handle, [(A.EXTRACTABLE, TRUE)])
        return True

    _refusal(subject, report, "reading the value of a sensitive key", with_key(read))
    _refusal(subject, report, "making a key extractable afterwards", with_key(loosen))


def _unextractable(subject: Subject, report: Report, source: KeySource) -> None:
    for mechanism in (0x210B, 0x210A, 0x2109):
        if mechanism not in subject.mechanisms:
            continue

        def wrap(session: PooledSession, mechanism: int = mechanism) -> bytes:
            functions, handle = subject.functions, session.handle
            kek = known_keys.make(functions, handle, source, known_keys.template(KeyType.AES, A.WRAP), bytes(32))
            wanted = known_keys.template(KeyType.AES, A.ENCRYPT)
            key = known_keys.make(functions, handle, source, wanted, bytes(32))
            return functions.wrap(handle, mechanism, kek.handle, key.handle, 32 + OVERHEAD)

        if not _refusal(subject, report, f"wrapping a key that is not extractable ({mechanism:#06x})", wrap):
            report.wraps_unextractable = True


def _unwrapped(subject: Subject, report: Report) -> None:
    """Whether a key that comes in wrapped is as sensitive as it was asked to be: openCryptoki forgets that."""
    way = report.way
    if way is None:
        return
    kek = bytes(range(32))
    wrap = keywrap.aes_key_wrap_with_padding if way.kind is WrapKind.KWP else keywrap.aes_key_wrap

    def bring_in(session: PooledSession) -> list[str]:
        functions, handle = subject.functions, session.handle
        made = known_keys.make(functions, handle, way.source, known_keys.template(KeyType.AES, A.UNWRAP), kek)
        asked = known_keys.template(KeyType.AES, A.ENCRYPT)
        brought = functions.unwrap(handle, way.mechanism, made.handle, wrap(bytes(made.value), bytes(32)), asked)
        return _read_back(subject, session, brought, asked)

    result = subject.outcome(bring_in)
    if isinstance(result, list):
        result = f"differs in {', '.join(result)}" if result else "as asked"
    report.add(_SECTION, "a key that comes in wrapped", result, result == "as asked")


def _bad_input(subject: Subject, report: Report, source: KeySource) -> None:
    """The codes for input that is at fault must not be taken for a sick token."""

    def key(session: PooledSession, *may: A) -> BoundKey:
        wanted = known_keys.template(KeyType.AES, *may)
        made = known_keys.make(subject.functions, session.handle, source, wanted, bytes(32))
        return BoundKey(session.session, made.handle, KeyType.AES)

    def bad_tag(session: PooledSession) -> bytes:
        return key(session, A.DECRYPT).decrypted(Mechanism.AES_GCM, GCMParams(bytes(12), None, 128), bytes(32))

    def bad_padding(session: PooledSession) -> bytes:
        return key(session, A.DECRYPT).decrypted(Mechanism.AES_CBC_PAD, bytes(16), bytes(32))

    def odd_length(session: PooledSession) -> bytes:
        return key(session, A.ENCRYPT).encrypted(Mechanism.AES_CBC, bytes(16), bytes(17))

    def not_permitted(session: PooledSession) -> bytes:
        return key(session, A.ENCRYPT).decrypted(Mechanism.AES_CBC, bytes(16), bytes(32))

    for what, verb, mechanism, work in (
        ("a GCM tag that is wrong", Verb.DECRYPT, Mechanism.AES_GCM, bad_tag),
        ("CBC padding that is wrong", Verb.DECRYPT, Mechanism.AES_CBC_PAD, bad_padding),
        ("17 bytes for CBC", Verb.ENCRYPT, Mechanism.AES_CBC, odd_length),
        ("decryption with a key that may only encrypt", Verb.DECRYPT, Mechanism.AES_CBC, not_permitted),
    ):
        if mechanism in subject.mechanisms:
            _code(subject, report, what, verb, work)


def _code(subject: Subject, report: Report, what: str, verb: Verb, work: Callable[[PooledSession], bytes]) -> None:
    try:
        with subject.session() as session:
            work(session)
    except Refused as error:
        known = classify(error.code, verb) in (ErrorClass.CALLER, ErrorClass.MECHANISM)
        if not known:
            report.errors.add(f"{verb.value} {name_of(error.code)}")
        report.add(_SECTION, what, str(error) + ("" if known else ", which usually means a sick token"), known)
    else:
        report.add(_SECTION, what, "DONE, though it must not be", False)
