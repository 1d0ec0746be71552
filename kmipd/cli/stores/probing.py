"""`kmipd store probe`: what a PKCS#11 module really does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from kmipd.cli.output import Failure, failures, json_option, print_json, print_table
from kmipd.cli.stores.examining import examined
from kmipd.cli.stores.options import end_progress, environment, pin_source, progress, token_options
from kmipd_pkcs11.pin_sources import pin_from
from kmipd_pkcs11.probe import Finding, Report
from kmipd_pkcs11.providers import known
from kmipd_pkcs11.settings import StoreSettings


@click.command()
@token_options
@click.option("--write", "file", type=click.Path(path_type=Path), help="Write a suggested file of facts there.")
@click.option(
    "--timeout", default=120, show_default=True, type=click.IntRange(1, 3600), help="Seconds a single call may take."
)
@json_option
def probe(file: Path | None, timeout: int, as_json: bool, **given: Any) -> None:
    """Try a token before it is used: mechanisms, attributes, limits, speed.

    Needs no kmipd directory. Everything is tried with known answers on keys that are removed again. The PIN is tried
    once. Exit code 1 when the token cannot hold keys for kmipd, 4 when it cannot be tried.
    """
    report = _examined(given, timeout)
    if file is not None:
        with failures():
            file.write_text(report.provider_file(), "utf-8")
    if as_json:
        print_json({"findings": [_row(one) for one in report.findings], "provider": report.provider_file()})
    else:
        rows = [(one.section, one.subject, one.result, _MARKS[one.good]) for one in report.findings]
        print_table(("section", "what", "result", ""), rows, "")
        if file is None:
            click.echo(f"\nSuggested file of facts (--write FILE):\n\n{report.provider_file()}")
    if not report.resident:
        raise Failure("this token cannot hold keys for kmipd: it makes no AES key with the attributes it was asked", 1)


_MARKS = {True: "ok", False: "LOOK", None: ""}


def _examined(given: dict[str, Any], timeout: int) -> Report:
    source = pin_source(given)
    if given["module"] is None or source is None:
        found = [path for facts in known().values() for path in facts.paths if Path(path).is_file()]
        here = f"; modules found here: {', '.join(found)}" if found else ""
        raise click.UsageError(f"--module and a source of the PIN (--pin-file, …) are needed{here}")
    if not given["token_label"] and not given["token_serial"]:
        raise click.UsageError("--token-label or --token-serial is needed")
    settings = StoreSettings(
        name="probe",
        module=given["module"].resolve(),
        token_label=given["token_label"] or "",
        token_serial=given["token_serial"] or "",
        pin=pin_from(source),
        environment=environment(given),
        reserved=given["reserved"] or "",
    )
    with failures():
        try:
            return examined(settings, timeout, progress)
        finally:
            end_progress()


def _row(finding: Finding) -> dict[str, object]:
    return {"section": finding.section, "what": finding.subject, "result": finding.result, "good": finding.good}


COMMANDS = (probe,)
