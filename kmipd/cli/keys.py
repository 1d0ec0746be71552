"""`kmipd key`: what the server holds."""

from __future__ import annotations

import time
from pathlib import Path

import click

from kmipd import key_inspection
from kmipd.cli.output import Failure, directory_option, json_option, print_json, print_table
from kmipd.cli.stores.options import application


@click.group()
def key() -> None:
    """Look at managed objects. Material is never shown."""


@key.command("list")
@directory_option
@click.option("--group", help="Only this group's.")
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1, 100_000))
@click.option("--offset", default=0, type=click.IntRange(0))
@json_option
def list_keys(directory: Path, group: str | None, limit: int, offset: int, as_json: bool) -> None:
    """List objects in the order they were made."""
    now = int(time.time())
    with application(directory) as opened:
        found = opened.registry.objects(group=group, limit=limit, offset=offset)
        connected = key_inspection.connected_stores(opened)
        rows = [key_inspection.summary(obj, now, connected) for obj in found]
    if as_json:
        print_json(rows)
        return
    for row in rows:
        if not row["available"]:
            row["state"] = f"{row['state']} (unavailable)"
    columns = ("uid", "type", "algorithm", "length", "state", "names", "group", "store", "placement")
    cells = [[", ".join(r[c]) if c == "names" else r[c] for c in columns] for r in rows]
    print_table(columns, cells, "there are no keys yet")


@key.command()
@click.argument("uid")
@directory_option
@json_option
def show(uid: str, directory: Path, as_json: bool) -> None:
    """Show one object: attributes, placement, history."""
    with application(directory) as opened:
        obj = opened.registry.unit().get(uid)
        history = opened.registry.history(uid)
        connected = key_inspection.connected_stores(opened)
    if obj is None:
        raise Failure(f"there is no object {uid!r}; `kmipd key list` shows all", 1)
    found = key_inspection.details(obj, int(time.time()), connected)
    events = [{"time": e.time, "operation": e.operation, "principal": e.principal} for e in history]
    if as_json:
        print_json(found | {"history": events})
        return
    attributes = found.pop("attributes")
    found["names"] = ", ".join(found["names"])
    rows = list(found.items())
    for name, values in attributes.items():
        rows.append((name, "; ".join(_text(value, name in key_inspection.DATES) for value in values)))
    rows += [("history", f"{e.operation} by {e.principal} at {_text(e.time, True)}") for e in history]
    print_table(("what", "value"), rows, "")


def _text(value: object, is_date: bool = False) -> str:
    if is_date and isinstance(value, int):
        return time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime(value))
    if isinstance(value, dict):
        return ", ".join(f"{name} {_text(part)}" for name, part in value.items())
    return ", ".join(map(_text, value)) if isinstance(value, list) else str(value)
