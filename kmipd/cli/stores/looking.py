"""`kmipd store orphans`: what is in a token, for people."""

from __future__ import annotations

from pathlib import Path

import click

from kmipd.cli.output import directory_option, json_option, print_json, print_table
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
        chosen = services.stores.get(name) or unknown_store(name) if name else services.store
        found = orphans(services, chosen)
    if as_json:
        print_json([{"cka_id": o.cka_id.hex(), "class": o.key_class.value, "label": o.label} for o in found])
        return
    rows = [(o.cka_id.hex(), o.key_class.value, o.label) for o in found]
    print_table(("cka_id", "class", "label"), rows, "every token object is accounted for")


COMMANDS = (list_orphans,)
