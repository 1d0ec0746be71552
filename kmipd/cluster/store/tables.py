"""The cluster's tables. Identifiers are SQLite AUTOINCREMENT everywhere: an id that was used is never given again."""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa

SCHEMA_VERSION: Final = 1
metadata = sa.MetaData()


def _table(name: str, *columns: Any) -> sa.Table:
    return sa.Table(name, metadata, sa.Column("id", sa.Integer, primary_key=True), *columns, sqlite_autoincrement=True)


def _text(name: str, **options: Any) -> sa.Column[Any]:
    return sa.Column(name, sa.Text, nullable=False, **options)


def _refers(name: str, target: str, **options: Any) -> sa.Column[Any]:
    return sa.Column(name, sa.ForeignKey(f"{target}.id"), **{"nullable": False, "index": True, **options})


def _bytes(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.LargeBinary, nullable=nullable)


def _json(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.JSON(none_as_null=True), nullable=nullable)


def _number(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.Integer, nullable=False)


def _truth(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.Boolean, nullable=False)


schema = sa.Table("schema", metadata, sa.Column("version", sa.Integer, primary_key=True))
cluster = _table(
    "cluster",
    _text("uuid"),
    _text("unique_id"),
    _text("name"),
    _text("mvip"),
    _text("svip"),
    _number("rep_count"),
    _json("attributes"),
    _truth("sear_enabled"),
    _number("sear_version"),
    _text("ear_state"),
    _json("features"),
    _text("created"),
)
nodes = _table("nodes", _text("address"))
admins = _table(
    "admins",
    _text("username", unique=True),
    _text("password_hash"),
    _json("access"),
    _json("attributes", nullable=True),
)
key_pairs = _table("key_pairs", _bytes("private_pem"), _json("subject"), _text("created"))
providers = _table("providers", _text("name"))
key_servers = _table(
    "key_servers",
    _text("name"),
    _json("hostnames"),
    _number("port"),
    _text("ca_pem"),
    _text("client_pem"),
    _refers("provider_id", "providers", nullable=True),
)
master_keys = _table(
    "master_keys",
    _text("key_id", unique=True),
    _text("purpose"),
    _text("management"),
    sa.Column("provider_id", sa.Integer, index=True),  # stays when the provider is deleted: a key's history
    sa.Column("kmip_uid", sa.Text),
    _bytes("verifier", nullable=True),
    _text("state"),
    _text("created"),
)
volumes = _table("volumes", _text("name"), _text("uuid"), _number("blocks"), _text("created"))
data_keys = _table(
    "data_keys",
    _refers("volume_id", "volumes"),
    _refers("master_key_id", "master_keys"),
    _bytes("wrapped"),
    sa.UniqueConstraint("volume_id", "master_key_id"),
)
async_results = _table(
    "async_results",
    _text("kind"),
    _truth("completed"),
    _json("data"),
    _json("error", nullable=True),
    _text("created"),
    _text("updated"),
)
rekeys = _table(
    "rekeys",
    _number("async_id"),  # no reference: a result is purged when it is read, the journal stays
    _text("state"),
    _refers("old_id", "master_keys"),
    _refers("new_id", "master_keys"),
    _text("operation"),
    _text("last_error"),
    _truth("finished"),
)
faults = _table(
    "faults",
    _text("code"),
    _text("subject"),
    _text("severity"),
    _text("kind"),
    _text("details"),
    _text("date"),
    _truth("resolved"),
    _text("resolved_date"),
)
events = _table("events", _text("kind"), _text("message"), _text("details"), _number("severity"), _text("time"))
