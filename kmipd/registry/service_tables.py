"""The tables of what clients have under way: requests, tickets, rules. `metadata` has those of the objects as well."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, LargeBinary, Table, Text

from kmipd.registry.tables import metadata as metadata

# Batch items that are answered later. `sealed` is the request until it is done, and then the answer: either may hold a
# key. Times are POSIX seconds.
asynchronous_request = Table(
    "asynchronous_request",
    metadata,
    Column("correlation", LargeBinary, primary_key=True),
    Column("batch", Text, nullable=False),
    Column("position", Integer, nullable=False),
    Column("principal", Text, nullable=False),
    Column("group_name", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("peer", Text, nullable=False),
    Column("operation", Integer, nullable=False),
    Column("major", Integer, nullable=False),
    Column("minor", Integer, nullable=False),
    Column("continuation", Integer),
    Column("submitted", BigInteger, nullable=False),
    Column("begun", BigInteger),
    Column("status", Integer),
    Column("cancelled", Boolean, nullable=False),
    Column("obtained", Boolean, nullable=False),
    Column("wrapping_key", LargeBinary),
    Column("sealed", LargeBinary),
    Index("ix_asynchronous_request_batch", "batch"),
    Index("ix_asynchronous_request_principal", "principal", "group_name"),
)

# Tickets of Login and Delegated Login; of each only the SHA-256 of its value. `requests` and `usage` are what is left.
ticket = Table(
    "ticket",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("principal", Text, nullable=False),
    Column("group_name", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("expires", BigInteger, nullable=False),
    Column("requests", BigInteger),
    Column("usage", BigInteger),
    Column("usage_unit", Integer),
    Column("rights", LargeBinary),
    Index("ix_ticket_expires", "expires"),
)

# Defaults and constraints that a group has laid down for its objects, as TTLV.
group_rules = Table(
    "group_rules",
    metadata,
    Column("group_name", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("body", LargeBinary, nullable=False),
)

# Of each object group with a default member: whose turn it was.
default_member = Table(
    "default_member",
    metadata,
    Column("group_name", Text, primary_key=True),
    Column("object_group", Text, primary_key=True),
    Column("uid", Text, nullable=False),
)
