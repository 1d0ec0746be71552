"""The tables. Every schema change is a migration; a test compares the two.

Nothing here is ever stored in clear that would open a key: `sealed` is AES-GCM under a key that lives in the token.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# A logical key: an ordered line of versions with one primary. Rotation and aliases will work on this row.
logical_key = Table(
    "logical_key",
    metadata,
    Column("id", Text, primary_key=True),
    Column("group_name", Text, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("primary_uid", Text, nullable=False),
)

# One managed object = one version of a key. Dates repeat attributes so that Locate by State needs no decoding.
managed_object = Table(
    "managed_object",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("uid", Text, nullable=False, unique=True),
    Column("key_id", Text, ForeignKey("logical_key.id"), nullable=False),
    Column("key_version", Integer, nullable=False),
    Column("object_type", Integer, nullable=False),
    Column("group_name", Text, nullable=False),
    Column("owner", Text, nullable=False),
    Column("store", Text, nullable=False),
    Column("placement", Text, nullable=False),
    Column("cka_id", LargeBinary),
    Column("material_size", Integer, nullable=False),
    Column("wrapping_key", LargeBinary),
    Column("sealed", LargeBinary),
    Column("attributes", LargeBinary, nullable=False),  # the attribute list as TTLV
    Column("indices", Text, nullable=False),  # attribute indices that are not 0, 1, 2 …; JSON
    Column("state", Integer),
    Column("activation_date", BigInteger),
    Column("deactivation_date", BigInteger),
    Column("initial_date", BigInteger, nullable=False),
    Column("destroy_pending", Boolean, nullable=False),
    Column("row_version", Integer, nullable=False),
    UniqueConstraint("key_id", "object_type", "key_version"),
    Index("ix_managed_object_group_name_id", "group_name", "id"),
    sqlite_autoincrement=True,
)

# Only token objects are found by CKA_ID, and every index costs each new object a page.
Index(
    "ix_managed_object_cka_id",
    managed_object.c.cka_id,
    sqlite_where=managed_object.c.cka_id.is_not(None),
    postgresql_where=managed_object.c.cka_id.is_not(None),
)

# What Locate searches. `number` for integers, enumerations and dates; `digest` of the canonical value for the rest.
# An object has some sixteen of these rows, so each costs two tree inserts and no more: the table is its own index by
# object, and of the two indexes by value each row is in one. They follow the objects (see `indexing`).
object_attribute = Table(
    "object_attribute",
    metadata,
    Column("object_id", Integer, ForeignKey("managed_object.id", ondelete="CASCADE"), primary_key=True),
    Column("attribute", Integer, primary_key=True),  # the tag; that of Attribute for custom ones
    Column("position", Integer, primary_key=True),  # several instances, several custom attributes
    Column("number", BigInteger),
    Column("digest", LargeBinary),
    sqlite_with_rowid=False,
)
Index(
    "ix_object_attribute_digest",
    object_attribute.c.digest,
    object_attribute.c.object_id,
    sqlite_where=object_attribute.c.digest.is_not(None),
    postgresql_where=object_attribute.c.digest.is_not(None),
)
Index(
    "ix_object_attribute_attribute_number",
    object_attribute.c.attribute,
    object_attribute.c.number,
    object_attribute.c.object_id,
    sqlite_where=object_attribute.c.number.is_not(None),
    postgresql_where=object_attribute.c.number.is_not(None),
)

# One row: all objects up to this one have their entries in `object_attribute`.
index_progress = Table(
    "index_progress",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("through", Integer, nullable=False),  # managed_object.id
)

# Keys that seal wrapped objects. Uses are counted in blocks and bounded: 2**32 random nonces would be the cliff.
wrapping_key = Table(
    "wrapping_key",
    metadata,
    Column("cka_id", LargeBinary, primary_key=True),
    Column("store", Text, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("uses", BigInteger, nullable=False),
    Column("uses_max", BigInteger, nullable=False),
)

# The purpose of an intent that recovery has taken: the request that wrote it can no longer close it.
CLAIMED = "claimed by recovery"

# Written before a token object is made, removed in the transaction that records it. After a crash: what to look for.
intent = Table(
    "intent",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("cka_id", LargeBinary, nullable=False, unique=True),
    Column("store", Text, nullable=False),
    Column("purpose", Text, nullable=False),
    Column("created", BigInteger, nullable=False),
)

client = Table(
    "client",
    metadata,
    Column("name", Text, primary_key=True),
    Column("group_name", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("revoked", BigInteger),
)

certificate = Table(
    "certificate",
    metadata,
    Column("fingerprint", Text, primary_key=True),  # SHA-256 of the DER, hex
    Column("client_name", Text, ForeignKey("client.name"), nullable=False),
    Column("subject", Text, nullable=False),
    Column("issuer", Text, nullable=False),
    Column("serial", Text, nullable=False),
    Column("not_before", BigInteger, nullable=False),
    Column("not_after", BigInteger, nullable=False),
    Column("revoked", BigInteger),
    Index("ix_certificate_client_name", "client_name"),
)

# Every change, in the transaction that made it. Reads and refusals go to the audit log file.
audit_event = Table(
    "audit_event",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("time", BigInteger, nullable=False),
    Column("principal", Text, nullable=False),
    Column("group_name", Text, nullable=False),
    Column("operation", Text, nullable=False),
    Column("uid", Text, nullable=False),
    Column("result", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("peer", Text, nullable=False),
    Column("place", Text, nullable=False),
    Index("ix_audit_event_uid", "uid"),
)

# Key stores. The state is the operator's wish and how far it has come; whether a token answers now is not stored.
key_store = Table(
    "key_store",
    metadata,
    Column("name", Text, primary_key=True),
    Column("description", Text, nullable=False),
    Column("root", Boolean, nullable=False),
    Column("state", Text, nullable=False),
    Column("failure", Text),
    Column("failure_text", Text, nullable=False),
    Column("connection", Integer, nullable=False),
    Column("rotate_pin", Boolean, nullable=False),
    Column("connect_timeout", Integer, nullable=False),
    Column("replication", Text, nullable=False),
    Column("transport_key", LargeBinary, nullable=False),
    Column("created", BigInteger, nullable=False),
)

# The tokens of a key store: one, or several clones. PINs are sealed under the root store; the source is a reference.
store_member = Table(
    "store_member",
    metadata,
    Column("store", Text, ForeignKey("key_store.name", ondelete="CASCADE"), primary_key=True),
    Column("name", Text, primary_key=True),
    Column("position", Integer, nullable=False),
    Column("module", Text, nullable=False),
    Column("token_label", Text, nullable=False),
    Column("token_serial", Text, nullable=False),
    Column("environment", Text, nullable=False),  # JSON
    Column("reserved", Text, nullable=False),
    Column("pin_source", Text, nullable=False),  # JSON
    Column("pin_current", LargeBinary, nullable=False),
    Column("pin_pending", LargeBinary, nullable=False),
    Column("pin_tried", Text, nullable=False),
    Column("sentinel", LargeBinary, nullable=False),
    Column("transport_key", LargeBinary, nullable=False),
    Column("ceremony_key", LargeBinary, nullable=False),
    Column("ceremony_public", LargeBinary, nullable=False),
)

# What a member of a group has still to do. The material is wrapped under the transport key, which never leaves a token.
replication = Table(
    "replication",
    metadata,
    Column("store", Text, primary_key=True),
    Column("member", Text, primary_key=True),
    Column("cka_id", LargeBinary, primary_key=True),
    Column("action", Text, nullable=False),
    Column("parcel", LargeBinary, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("problem", Text, nullable=False),
)

# Which member holds a copy, where it came from, and what proved it equal. Tokens lose this on the way: a copy can never
# say itself that it was born in an HSM.
key_copy = Table(
    "key_copy",
    metadata,
    Column("store", Text, primary_key=True),
    Column("member", Text, primary_key=True),
    Column("cka_id", LargeBinary, primary_key=True),
    Column("source", Text, nullable=False),
    Column("method", Text, nullable=False),
    Column("check_value", Text, nullable=False),
    Column("made_by", Text, nullable=False),
    Column("created", BigInteger, nullable=False),
)
