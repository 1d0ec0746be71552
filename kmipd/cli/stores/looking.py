"""`kmipd store orphans|list-users|find-all-keys|get-attribute`: what is in a token, for people."""

from __future__ import annotations

from pathlib import Path

import click

from kmipd import token_inspection
from kmipd.cli.output import Failure, directory_option, json_option, print_json, print_table
from kmipd.cli.stores.options import application
from kmipd.core.keystores import unknown_store
from kmipd.core.recovery import orphans

store_option = click.option("--store", "name", help="Which key store; the one of kmipd.toml without it.")


@click.command("orphans")
@directory_option
@store_option
@json_option
def list_orphans(directory: Path, name: str | None, as_json: bool) -> None:
    """Token objects that the registry does not know. They are never deleted: the registry may be the older one."""
    with application(directory) as opened:
        services = opened.services
        if name is not None:
            token_inspection.require_store(opened, name)
        chosen = services.stores.get(name) or unknown_store(name) if name else services.store
        found = orphans(services, chosen)
    if as_json:
        print_json([{"cka_id": o.cka_id.hex(), "class": o.key_class.value, "label": o.label} for o in found])
        return
    rows = [(o.cka_id.hex(), o.key_class.value, o.label) for o in found]
    print_table(("cka_id", "class", "label"), rows, "every token object is accounted for")


@click.command("list-users")
@directory_option
@store_option
@json_option
def list_users(directory: Path, name: str | None, as_json: bool) -> None:
    """Who may use a key store: CO crypto officers (operators), CU crypto users (clients), AU auditors."""
    with application(directory) as opened:
        found = token_inspection.users(opened, name or opened.settings.store.name)
    if as_json:
        print_json(found)
        return
    columns = ("id", "type", "name", "group", "keys", "revoked")
    print_table(columns, [[row[column] for column in columns] for row in found], "nobody is enrolled")


@click.command("find-all-keys")
@click.argument("user", required=False)
@directory_option
@store_option
@json_option
def find_all_keys(user: str | None, directory: Path, name: str | None, as_json: bool) -> None:
    """The token objects of a user, or of all, in each member of a key store.

    A handle belongs to a login: another process may see another one. Name keys by their identifier.
    """
    with application(directory) as opened:
        found, away = token_inspection.keys_of(opened, name or opened.settings.store.name, user)
    if as_json:
        print_json([{"uid": k.uid, "member": k.member, "handle": k.handle, "label": k.label} for k in found])
    else:
        rows = [(k.uid, k.member, "missing" if k.handle is None else k.handle, k.label) for k in found]
        print_table(("uid", "member", "handle", "label"), rows, "no keys in the token")
    _require_all(away)


def _require_all(away: token_inspection.Away) -> None:
    if away:
        raise Failure("; ".join(f"the member {name!r} does not answer: {why}" for name, why in away.items()), 4)


@click.command("get-attribute")
@click.argument("uid")
@click.argument("attribute", required=False)
@directory_option
@click.option("--member", help="Only in this member of a group.")
@json_option
def get_attribute(uid: str, attribute: str | None, directory: Path, member: str | None, as_json: bool) -> None:
    """The attributes of a token object, or one (EXTRACTABLE or CKA_EXTRACTABLE); never material."""
    wanted = None if attribute is None else attribute.upper().removeprefix("CKA_").removeprefix("OBJ_ATTR_")
    with application(directory) as opened:
        found, away = token_inspection.attributes_of(opened, uid, member)
    rows = [
        (name, handle, key, value)
        for name, handle, attributes in found
        for key, value in attributes.items()
        if wanted in (None, key)
    ]
    if wanted is not None and not rows and not away:
        raise Failure(f"the key has no attribute {wanted}, or it is never shown", 1)
    if as_json:
        print_json([{"member": m, "handle": h, "attribute": k, "value": v} for m, h, k, v in rows])
    else:
        print_table(("member", "handle", "attribute", "value"), rows, "no member has the key")
    _require_all(away)


COMMANDS = (list_orphans, list_users, find_all_keys, get_attribute)
