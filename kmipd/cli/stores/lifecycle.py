"""`kmipd store create|describe|list|update|delete|connect|disconnect|add-member|remove-member`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from kmipd.cli.output import Failure, directory_option, json_option, print_json, print_table
from kmipd.cli.stores.options import (
    administration,
    end_progress,
    environment,
    new_member,
    pin_source,
    progress,
    show,
    token_options,
)
from kmipd.core.keystores import ConnectionState, KeyStoreRecord, Member, Replication
from kmipd.keystores.describing import Described
from kmipd.store_administration import KeyStoreAdministration, with_member, without_member

FIRST_MEMBER = "first"
_wait = click.option("--wait/--no-wait", default=True, show_default=True, help="Wait until it is done, or only ask.")
_replication = click.option(
    "--replication", type=click.Choice([one.value for one in Replication]), help="Of a group whose member is away."
)
_rotate = click.option(
    "--rotate-pin/--keep-pin", default=None, help="At each connect, change the PIN to one only kmipd knows."
)
_timeout = click.option("--connect-timeout", type=click.IntRange(1, 3600), help="Seconds an attempt may take.")


@click.command()
@click.argument("name")
@directory_option
@token_options
@click.option("--description", default="", help="For people.")
@_rotate
@_timeout
@_replication
@json_option
def create(name: str, directory: Path, as_json: bool, **given: Any) -> None:
    """Describe a new key store. It is DISCONNECTED; nothing is opened yet."""
    record = _changed(
        KeyStoreRecord(name=name, description=given["description"], members=(new_member(FIRST_MEMBER, given),)), given
    )
    with administration(directory) as stores:
        stores.create(record)
        show(stores.describe(name), as_json)


def _changed(record: KeyStoreRecord, given: dict[str, Any]) -> KeyStoreRecord:
    """With those settings of the store that were given."""
    if given["rotate_pin"] is not None:
        record = replace(record, rotate_pin=given["rotate_pin"])
    if given["connect_timeout"] is not None:
        record = replace(record, connect_timeout=given["connect_timeout"])
    if given["replication"] is not None:
        record = replace(record, replication=Replication(given["replication"]))
    return record


@click.command()
@click.argument("name")
@directory_option
@token_options
@click.option("--member", help="Which token of a group the options for tokens are about.")
@click.option("--description", help="For people; may be changed at any time.")
@_rotate
@_timeout
@_replication
@json_option
def update(name: str, directory: Path, as_json: bool, **given: Any) -> None:
    """Change a key store. All but the description wants it DISCONNECTED.

    Naming a source of the PIN says that the PIN there counts from now on: a PIN that the server had set is forgotten.
    """
    with administration(directory) as stores:
        before = stores.describe(name).record
        if given["description"] is not None:
            stores.describe_anew(name, given["description"])
        record = _with_token(_changed(before, given), given)
        if record != before:
            stores.update(replace(record, description=given["description"] or before.description))
        show(stores.describe(name), as_json)


def _with_token(record: KeyStoreRecord, given: dict[str, Any]) -> KeyStoreRecord:
    changes: dict[str, Any] = {
        key: given[key] for key in ("token_label", "token_serial", "reserved") if given[key] is not None
    }
    if given["module"] is not None:
        changes["module"] = str(given["module"].resolve())
    if variables := environment(given):
        changes["environment"] = variables
    if (source := pin_source(given)) is not None:
        changes |= {"pin_source": source, "pin_current": b"", "pin_pending": b"", "pin_tried": ""}
    if not changes:
        if given["member"] is not None:
            raise click.UsageError("--member says which token is meant: say what is to be changed, too")
        return record
    which = given["member"] or record.members[0].name
    if record.member(which) is None:
        raise Failure(f"the key store {record.name!r} has no member {which!r}", 1)
    members = tuple(replace(member, **changes) if member.name == which else member for member in record.members)
    return replace(record, members=members)


@click.command()
@click.argument("name")
@directory_option
@json_option
def describe(name: str, directory: Path, as_json: bool) -> None:
    """Show one key store: state, failure with its remedy, health as the workers see it, tokens, keys."""
    with administration(directory) as stores:
        show(stores.describe(name), as_json)


@click.command("list")
@directory_option
@json_option
def list_stores(directory: Path, as_json: bool) -> None:
    """List the key stores."""
    with administration(directory) as stores:
        found = stores.all()
    if as_json:
        print_json([one.as_dict() for one in found])
        return
    rows = [
        (
            one.record.name,
            one.record.state.value,
            one.record.failure.name if one.record.failure else one.health,
            one.keys,
            ", ".join(_token(member) for member in one.record.members),
            one.record.description,
        )
        for one in found
    ]
    print_table(("store", "state", "health", "keys", "tokens", "description"), rows, "")


def _token(member: Member) -> str:
    return f"{member.name} ({member.token_serial or member.token_label})"


@click.command()
@click.argument("name")
@directory_option
def delete(name: str, directory: Path) -> None:
    """Forget a key store that is DISCONNECTED and holds no keys. Its tokens are not touched."""
    with administration(directory) as stores:
        stores.delete(name)
    click.echo(f"the key store {name!r} is forgotten; what is left in its token is not touched")


def _moving(move: Callable[[KeyStoreAdministration, str], Described]) -> click.Command:
    """A command that moves a key store to another state, and waits until every worker has followed."""

    @click.command(move.__name__, help=move.__doc__)
    @click.argument("name")
    @directory_option
    @_wait
    @json_option
    def command(name: str, directory: Path, wait: bool, as_json: bool) -> None:
        with administration(directory) as stores:
            _end(stores, move(stores, name), wait, as_json)

    return command


@_moving
def connect(stores: KeyStoreAdministration, name: str) -> Described:
    """Connect a key store, in a running server without a restart. A FAILED one is disconnected first."""
    return stores.connect(name)


@_moving
def disconnect(stores: KeyStoreAdministration, name: str) -> Described:
    """Disconnect a key store: log out and close it. Its keys are kept, and unavailable until it is connected again."""
    return stores.disconnect(name)


def _end(stores: KeyStoreAdministration, described: Described, wait: bool, as_json: bool) -> None:
    if wait:
        described = stores.await_end(described.record.name, progress)
        end_progress()
    record = described.record
    if as_json:
        show(described, as_json)
    elif record.failure is None:
        click.echo(f"{record.name}: {record.state.value}{_health(described)}")
    if record.failure is not None:
        failure = record.failure
        raise Failure(f"{record.name}: FAILED: {failure.name}: {record.failure_text}; {failure.remedy}", 4)
    if wait and described.health == "DOWN":
        raise Failure(f"{record.name}: no worker can use it: {described.trouble}", 4)


def _health(described: Described) -> str:
    """With the reason, when not all is well."""
    if described.record.state is not ConnectionState.CONNECTED:
        return ""
    return f", health {described.health}" + (f" ({described.trouble})" if described.trouble else "")


@click.command("add-member")
@click.argument("name")
@click.argument("member")
@directory_option
@token_options
@json_option
def add_member(name: str, member: str, directory: Path, as_json: bool, **given: Any) -> None:
    """Add a token to a key store, which becomes a group of clones. `kmipd store clone` then makes it one."""
    with administration(directory) as stores:
        stores.update(with_member(stores.describe(name).record, new_member(member, given)))
        show(stores.describe(name), as_json)


@click.command("remove-member")
@click.argument("name")
@click.argument("member")
@directory_option
@json_option
def remove_member(name: str, member: str, directory: Path, as_json: bool) -> None:
    """Take a token out of a key store. What is in the token stays in it."""
    with administration(directory) as stores:
        stores.update(without_member(stores.describe(name).record, member))
        show(stores.describe(name), as_json)


COMMANDS = (create, describe, list_stores, update, delete, connect, disconnect, add_member, remove_member)
