"""The probe says what a token does, suggests what to write down of it, and leaves nothing behind."""

from __future__ import annotations

from typing import Any

import pytest
from pkcs11.constants import Attribute, ObjectClass
from pkcs11.mechanisms import KeyType, Mechanism

from kmipd.core.errors import StoreUnavailable
from kmipd_pkcs11.codes import CKR
from kmipd_pkcs11.errors import ErrorClass, Verb
from kmipd_pkcs11.probe import Report, examination, examine
from kmipd_pkcs11.probe.subject import LABEL
from kmipd_pkcs11.providers import load
from kmipd_pkcs11.raw import TRUE, ulong
from kmipd_pkcs11.settings import StoreSettings
from kmipd_pkcs11.store import PKCS11Store
from tests.tokens.backends import prepared
from tests.tokens.faults import Faults


def result(report: Report, subject: str) -> str:
    return next(one.result for one in report.findings if one.subject == subject)


PROBES_OWN = [
    (Attribute.CLASS, ulong(ObjectClass.SECRET_KEY)),
    (Attribute.KEY_TYPE, ulong(KeyType.AES)),
    (Attribute.TOKEN, TRUE),
    (Attribute.LABEL, LABEL.encode()),
    (Attribute.VALUE_LEN, ulong(32)),
]


def objects(store: PKCS11Store) -> set[tuple[bytes, str, str]]:
    return {(one.cka_id, one.key_class.value, one.label) for one in store.inventory()}


@pytest.fixture
def settings(token: Any) -> StoreSettings:
    made: StoreSettings = token.settings(lock_file=None)
    return made


def test_softhsm(settings: StoreSettings, store: PKCS11Store) -> None:
    before = objects(store)
    report = examine(settings)
    assert objects(store) == before
    assert (report.resident, report.released, report.wrapped) == (True, True, True)
    assert result(report, "C_CreateObject") == "yes"
    assert result(report, "CKM_AES_GCM") == "right"
    assert result(report, "wrap of 20 bytes") == "24 bytes, zeros added"
    assert result(report, "reading the value of a sensitive key") == "refused: CKR_ATTRIBUTE_SENSITIVE"
    assert result(report, "wrapping a key that is not extractable (0x210a)") == "refused: CKR_KEY_UNEXTRACTABLE"
    assert result(report, "a key that comes in wrapped") == "as asked"
    assert result(report, "a GCM tag that is wrong") == "CKR_GENERAL_ERROR"
    assert result(report, "RSA-2048 signature").endswith("µs")
    facts = load(report.provider_file())
    assert facts.files == (settings.module.name,)
    assert facts.wrap_pads_with_zeros
    assert not facts.wraps_unextractable
    assert facts.not_read_back == frozenset()


def test_nss_softoken(nss_settings: StoreSettings) -> None:
    """Everything that was written down by hand is found out."""
    with prepared(nss_settings) as store:
        before = objects(store)
        report = examine(nss_settings)
        assert objects(store) == before
    assert (report.resident, report.released, report.wrapped) == (True, True, True)
    assert result(report, "wrap 0x210a as RFC 5649") not in ("right", "not listed")
    assert result(report, "wrapping a key that is not extractable (0x210b)") == "DONE, though it must not be"
    facts = load(report.provider_file())
    assert facts.not_read_back == {Attribute.MODULUS_BITS}
    assert facts.wraps_unextractable
    assert facts.pairs_in_step
    assert facts.secret_bytes == 256
    assert not facts.wrap_pads_with_zeros


def test_a_poor_token(make_token: Any) -> None:
    without = "-CKM_DUMMY,CKM_AES_GCM,CKM_AES_KEY_WRAP_PAD,CKM_AES_KEY_WRAP"
    report = examine(make_token("poor", mechanisms=without).settings(lock_file=None))
    assert (report.resident, report.released, report.wrapped) == (True, False, False)
    assert result(report, "CKM_AES_GCM") == "not listed"
    assert result(report, "KMIP Get of keys in the token") == "no"


def test_a_strict_and_narrow_token(faults: Faults, token: Any) -> None:
    """FIPS mode, and few sessions."""
    faults.fail("C_CreateObject", CKR.TEMPLATE_INCONSISTENT)
    report = examine(token.settings(**faults.settings(token, lock_file=None)))
    assert result(report, "C_CreateObject") == "CKR_TEMPLATE_INCONSISTENT"
    assert result(report, "ECDH, CKD_NULL") == "yes"
    assert report.released
    faults.fail("C_OpenSession", CKR.SESSION_COUNT, skip=8, count=1)
    narrow = examine(token.settings(**faults.settings(token, lock_file=None)))
    assert 0 < narrow.sessions <= 8
    assert load(narrow.provider_file()).sessions == narrow.sessions


def test_a_code_that_would_be_taken_for_a_sick_token(faults: Faults, token: Any) -> None:
    faults.fail("C_DecryptInit", 0x80000042)
    report = examine(token.settings(**faults.settings(token, lock_file=None)))
    assert load(report.provider_file()).overrules == {("decrypt", "CKR 0x80000042"): ErrorClass.CALLER}


def test_nothing_is_left_behind_whatever_happens(
    settings: StoreSettings, store: PKCS11Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = objects(store)

    def interrupted(subject: Any, *_: Any) -> None:
        with subject.session() as session:
            subject.functions.generate(session.handle, Mechanism.AES_KEY_GEN, PROBES_OWN)
        raise KeyboardInterrupt

    monkeypatch.setattr(examination.speed, "examine", interrupted)
    with pytest.raises(KeyboardInterrupt):
        examine(settings)
    assert objects(store) == before


def test_what_a_killed_probe_left_is_removed_by_the_next(settings: StoreSettings, store: PKCS11Store) -> None:
    before = objects(store)

    def leave(session: Any) -> None:
        store._connection.functions.generate(session.handle, Mechanism.AES_KEY_GEN, PROBES_OWN)

    store._connection.run(Verb.FIND, leave)
    assert len(objects(store)) == len(before) + 1
    examine(settings)
    assert objects(store) == before


def test_a_wrong_pin_is_tried_once(faults: Faults, token: Any) -> None:
    with pytest.raises(StoreUnavailable, match="PIN"):
        examine(token.settings(**faults.settings(token, lock_file=None, pin=lambda: "wrong-pin-1")))
    assert faults.calls("C_Login") == 1
