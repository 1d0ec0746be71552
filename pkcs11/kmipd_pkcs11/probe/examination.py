"""All of it, in the order in which a new HSM is best looked at."""

from __future__ import annotations

from collections.abc import Callable

from kmipd_pkcs11.probe import honesty, limits, mechanisms, speed
from kmipd_pkcs11.probe.report import Finding, Report
from kmipd_pkcs11.probe.subject import Subject
from kmipd_pkcs11.settings import StoreSettings


def examine(settings: StoreSettings, tell: Callable[[Finding], None] | None = None) -> Report:
    """Try everything on this token, and leave nothing behind. StoreUnavailable when it cannot be logged in to."""
    report = Report(settings.module, tell=tell)
    subject = Subject(settings)
    try:
        limits.examine(subject, report)
        source = mechanisms.examine(subject, report)
        honesty.examine(subject, report, source)
        speed.examine(subject, report, source)
    finally:
        subject.close()
    for what, fit in (
        ("keys in the token", report.resident),
        ("KMIP Get of keys in the token", report.resident and report.released),
        ("wrapped keys", report.resident and report.wrapped),
    ):
        report.add("verdict", what, "yes" if fit else "no", fit)
    return report
