"""Who made the token, and how much of everything it has."""

from __future__ import annotations

import ctypes
from typing import Final

from pkcs11.constants import Attribute as A
from pkcs11.constants import ObjectClass, TokenFlag
from pkcs11.exceptions import PKCS11Error
from pkcs11.mechanisms import KeyType, Mechanism
from pkcs11.types import Session

from kmipd_pkcs11.errors import code_of, name_of
from kmipd_pkcs11.probe.report import Report
from kmipd_pkcs11.probe.subject import Subject
from kmipd_pkcs11.raw import FALSE, TRUE, UNAVAILABLE, Template, ulong
from kmipd_pkcs11.sessions import PooledSession, close_quietly

_SECTION: Final = "limits"
_SESSIONS: Final = 64  # more than kmipd ever opens by default
_SECRETS: Final = (16, 20, 32, 64, 128, 256, 512, 1024)  # bytes: up to the longest we make


class _TokenInfo(ctypes.Structure):
    """CK_TOKEN_INFO."""

    _fields_ = [
        ("label", ctypes.c_char * 32),
        ("manufacturerID", ctypes.c_char * 32),
        ("model", ctypes.c_char * 16),
        ("serialNumber", ctypes.c_char * 16),
        *(
            (name, ctypes.c_ulong)
            for name in (
                "flags",
                "ulMaxSessionCount",
                "ulSessionCount",
                "ulMaxRwSessionCount",
                "ulRwSessionCount",
                "ulMaxPinLen",
                "ulMinPinLen",
                "ulTotalPublicMemory",
                "ulFreePublicMemory",
                "ulTotalPrivateMemory",
                "ulFreePrivateMemory",
            )
        ),
        ("hardwareVersion", ctypes.c_ubyte * 2),
        ("firmwareVersion", ctypes.c_ubyte * 2),
        ("utcTime", ctypes.c_char * 16),
    ]


def examine(subject: Subject, report: Report) -> None:
    _token(subject, report)
    _sessions(subject, report)
    _secrets(subject, report)


def _token(subject: Subject, report: Report) -> None:
    info = _TokenInfo()
    subject.functions.call("C_GetTokenInfo", subject.token.slot.slot_id, ctypes.byref(info))

    def text(name: str) -> str:
        return bytes(getattr(info, name)).decode("ascii", "replace").strip(" \0")

    report.name = f"{text('manufacturerID')} {text('model')}".strip()
    report.version = f"{text('model')}, firmware {info.firmwareVersion[0]}.{info.firmwareVersion[1]}"
    for name in ("label", "serialNumber", "manufacturerID", "model"):
        report.add("token", name, text(name))
    report.add("token", "firmware", f"{info.firmwareVersion[0]}.{info.firmwareVersion[1]}")
    report.add("token", "PIN length", f"{info.ulMinPinLen} to {info.ulMaxPinLen}")
    for flag in (TokenFlag.USER_PIN_COUNT_LOW, TokenFlag.USER_PIN_FINAL_TRY, TokenFlag.USER_PIN_LOCKED):
        if info.flags & flag:
            report.add("token", flag.name or "", "set: take care", False)
    for name in ("ulMaxSessionCount", "ulMaxRwSessionCount", "ulFreePrivateMemory"):
        value = getattr(info, name)
        unlimited = value == UNAVAILABLE or (value == 0 and name != "ulFreePrivateMemory")
        report.add(_SECTION, name, "no limit told" if unlimited else str(value))


def _sessions(subject: Subject, report: Report) -> None:
    opened: list[Session] = []
    try:
        while len(opened) < _SESSIONS:
            opened.append(subject.token.open(rw=True))
    except PKCS11Error as error:
        report.sessions = len(opened) + 1  # and the one that holds the login
        report.add(_SECTION, "sessions", f"{report.sessions}, then {name_of(code_of(error) or 0)}")
    else:
        report.add(_SECTION, "sessions", f"at least {_SESSIONS + 1}", True)
    finally:
        for session in opened:
            close_quietly(session)


def _secrets(subject: Subject, report: Report) -> None:
    longest = 0
    for size in _SECRETS:
        template: Template = [
            (A.CLASS, ulong(ObjectClass.SECRET_KEY)),
            (A.KEY_TYPE, ulong(KeyType.GENERIC_SECRET)),
            (A.TOKEN, FALSE),
            (A.PRIVATE, TRUE),
            (A.SENSITIVE, TRUE),
            (A.VALUE_LEN, ulong(size)),
        ]

        def make(session: PooledSession, template: Template = template) -> bool:
            subject.functions.generate(session.handle, Mechanism.GENERIC_SECRET_KEY_GEN, template)
            return True

        if subject.outcome(make) is not True:
            break
        longest = size
    report.secret_bytes = 0 if longest == _SECRETS[-1] else longest
    report.add(_SECTION, "longest generic secret", f"{longest} bytes" + ("" if report.secret_bytes else " or more"))
