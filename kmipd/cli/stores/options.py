"""The options that describe a token, and what the commands of `kmipd store` share."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click

from kmipd import app
from kmipd.cli.output import Failure, day, failures, print_json, print_table, settings_of
from kmipd.core.keystores import Member, PinKind, PinSource
from kmipd.keystores.describing import Described
from kmipd.registry import schema
from kmipd.store_administration import REFUSALS, KeyStoreAdministration

F = TypeVar("F", bound=Callable[..., Any])
_TOKEN_OPTIONS = (
    click.option("--module", type=click.Path(path_type=Path), help="The PKCS#11 module, a path."),
    click.option("--token-label", help="Label of the token."),
    click.option("--token-serial", help="Serial number of the token; wins over the label."),
    click.option("--softhsm2-conf", type=click.Path(path_type=Path), help="What SOFTHSM2_CONF is set to."),
    click.option("--set", "variables", multiple=True, metavar="NAME=VALUE", help="Environment of the module."),
    click.option("--reserved", help="What the module wants as reserved argument of C_Initialize (NSS)."),
    click.option("--pin-file", type=click.Path(path_type=Path), help="PIN: first line of this file (mode 0600)."),
    click.option("--pin-credential", help="PIN: the systemd credential of this name."),
    click.option("--pin-variable", help="PIN: the daemon's environment variable of this name."),
    click.option("--pin-command", help="PIN: the first line that this command prints; no shell."),
)


def token_options(command: F) -> F:
    """How a token is reached. The PIN itself is never an argument."""
    for option in reversed(_TOKEN_OPTIONS):
        command = option(command)
    return command


@contextmanager
def administration(directory: Path) -> Iterator[KeyStoreAdministration]:
    with application(directory) as opened:
        try:
            yield KeyStoreAdministration(opened)
        except REFUSALS as error:
            raise Failure(str(error), 1) from None


@contextmanager
def application(directory: Path) -> Iterator[app.Application]:
    with failures():
        settings = settings_of(directory)
        schema.require_current(settings.registry)
        opened = app.compose(settings)
        try:
            yield opened
        finally:
            opened.close()


def pin_source(given: dict[str, Any]) -> PinSource | None:
    """The source that was given, None when none was; a usage error for several."""
    found = [
        PinSource(kind, words)
        for kind, words in (
            (PinKind.FILE, (str(given["pin_file"].resolve()),) if given["pin_file"] else ()),
            (PinKind.CREDENTIAL, (given["pin_credential"],) if given["pin_credential"] else ()),
            (PinKind.ENVIRONMENT, (given["pin_variable"],) if given["pin_variable"] else ()),
            (PinKind.COMMAND, _words(given["pin_command"])),
        )
        if words
    ]
    if len(found) > 1:
        raise click.UsageError("give one source of the PIN, not several")
    return found[0] if found else None


def _words(command: str | None) -> tuple[str, ...]:
    try:
        return tuple(shlex.split(command or ""))
    except ValueError as error:
        raise click.UsageError(f"--pin-command cannot be split into words: {error}") from None


def environment(given: dict[str, Any]) -> dict[str, str]:
    values = {}
    for pair in given["variables"]:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise click.UsageError(f"--set {pair}: it must be NAME=VALUE")
        values[name] = value
    if given["softhsm2_conf"] is not None:
        values["SOFTHSM2_CONF"] = str(given["softhsm2_conf"].resolve())
    return values


def new_member(name: str, given: dict[str, Any]) -> Member:
    """A token that is described completely."""
    source = pin_source(given)
    if given["module"] is None or source is None:
        raise click.UsageError("--module and a source of the PIN (--pin-file, …) are needed")
    if not given["token_label"] and not given["token_serial"]:
        raise click.UsageError("--token-label or --token-serial is needed")
    return Member(
        name=name,
        module=str(given["module"].resolve()),
        token_label=given["token_label"] or "",
        token_serial=given["token_serial"] or "",
        environment=environment(given),
        reserved=given["reserved"] or "",
        pin_source=source,
    )


def progress(text: str) -> None:
    """Progress goes to standard error, and only to people."""
    if sys.stderr.isatty():
        click.echo(f"\r\033[K{text}", nl=False, err=True)


def end_progress() -> None:
    if sys.stderr.isatty():
        click.echo("\r\033[K", nl=False, err=True)


def show(described: Described, as_json: bool) -> None:
    """One store, whole."""
    found = described.as_dict()
    if as_json:
        print_json(found)
        return
    failure, members = found.pop("failure"), found.pop("members")
    rows = [(key, _text(key, value)) for key, value in found.items()]
    if failure:
        rows += [(f"failure {key}", value) for key, value in failure.items()]
    for member in members:
        name = member.pop("name")
        rows += [(f"{name}: {key}", _text(key, value)) for key, value in member.items() if value not in ("", {}, False)]
    print_table(("what", "value"), rows, "")


def _text(key: str, value: Any) -> str:
    """As people write it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return ", ".join(f"{name}={one}" for name, one in value.items())
    return day(value) if key == "created" else str(value)
