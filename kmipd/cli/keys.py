"""`kmipd key` and `kmipd store`: what the server holds."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from kmipd import app, inspection
from kmipd.cli.output import Failure, directory_option, failures, json_option, print_json, print_table, settings_of
from kmipd.core.recovery import orphans
from kmipd.registry import schema


@contextmanager
def _application(directory: Path) -> Iterator[app.Application]:
    with failures():
        settings = settings_of(directory)
        schema.require_current(settings.registry)
        application = app.compose(settings)
        try:
            yield application
        finally:
            application.close()


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
    with _application(directory) as application:
        found = application.registry.objects(group=group, limit=limit, offset=offset)
        rows = [inspection.summary(obj, now) for obj in found]
    if as_json:
        print_json(rows)
        return
    columns = ("uid", "type", "algorithm", "length", "state", "names", "group", "placement")
    cells = [[", ".join(r[c]) if c == "names" else r[c] for c in columns] for r in rows]
    print_table(columns, cells, "there are no keys yet")


@key.command()
@click.argument("uid")
@directory_option
@json_option
def show(uid: str, directory: Path, as_json: bool) -> None:
    """Show one object: attributes, placement, history."""
    with _application(directory) as application:
        obj = application.registry.unit().get(uid)
        history = application.registry.history(uid)
    if obj is None:
        raise Failure(f"there is no object {uid!r}; `kmipd key list` shows all", 1)
    found = inspection.details(obj, int(time.time()))
    events = [{"time": e.time, "operation": e.operation, "principal": e.principal} for e in history]
    if as_json:
        print_json(found | {"history": events})
        return
    attributes = found.pop("attributes")
    found["names"] = ", ".join(found["names"])
    rows = list(found.items()) + [(name, ", ".join(map(str, values))) for name, values in attributes.items()]
    rows += [("history", f"{e['operation']} by {e['principal']} at {_time(e['time'])}") for e in events]
    print_table(("what", "value"), rows, "")


def _time(seconds: object) -> str:
    assert isinstance(seconds, int)
    return time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime(seconds))


@click.group()
def store() -> None:
    """Look at the key store."""


@store.command("orphans")
@directory_option
@json_option
def list_orphans(directory: Path, as_json: bool) -> None:
    """Token objects that the registry does not know. They are never deleted: the registry may be the older one."""
    with _application(directory) as application:
        found = orphans(application.services)
    if as_json:
        print_json([{"cka_id": o.cka_id.hex(), "class": o.key_class.value, "label": o.label} for o in found])
        return
    rows = [(o.cka_id.hex(), o.key_class.value, o.label) for o in found]
    print_table(("cka_id", "class", "label"), rows, "every token object is accounted for")
