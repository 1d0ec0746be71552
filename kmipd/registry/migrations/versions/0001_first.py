"""The first schema."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "audit_event",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("principal", sa.Text(), nullable=False),
        sa.Column("group_name", sa.Text(), nullable=False),
        sa.Column("operation", sa.Text(), nullable=False),
        sa.Column("uid", sa.Text(), nullable=False),
        sa.Column("result", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("peer", sa.Text(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_event")),
    )
    op.create_index("ix_audit_event_uid", "audit_event", ["uid"], unique=False)
    op.create_table(
        "client",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("group_name", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("revoked", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_client")),
    )
    op.create_table(
        "intent",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("cka_id", sa.LargeBinary(), nullable=False),
        sa.Column("store", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_intent")),
        sa.UniqueConstraint("cka_id", name=op.f("uq_intent_cka_id")),
    )
    op.create_table(
        "logical_key",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("group_name", sa.Text(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("primary_uid", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_logical_key")),
    )
    op.create_table(
        "wrapping_key",
        sa.Column("cka_id", sa.LargeBinary(), nullable=False),
        sa.Column("store", sa.Text(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("uses", sa.BigInteger(), nullable=False),
        sa.Column("uses_max", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("cka_id", name=op.f("pk_wrapping_key")),
    )
    op.create_table(
        "certificate",
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("client_name", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("issuer", sa.Text(), nullable=False),
        sa.Column("serial", sa.Text(), nullable=False),
        sa.Column("not_before", sa.BigInteger(), nullable=False),
        sa.Column("not_after", sa.BigInteger(), nullable=False),
        sa.Column("revoked", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["client_name"], ["client.name"], name=op.f("fk_certificate_client_name")),
        sa.PrimaryKeyConstraint("fingerprint", name=op.f("pk_certificate")),
    )
    op.create_index("ix_certificate_client_name", "certificate", ["client_name"], unique=False)
    op.create_table(
        "managed_object",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("uid", sa.Text(), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("key_version", sa.Integer(), nullable=False),
        sa.Column("object_type", sa.Integer(), nullable=False),
        sa.Column("group_name", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("store", sa.Text(), nullable=False),
        sa.Column("placement", sa.Text(), nullable=False),
        sa.Column("cka_id", sa.LargeBinary(), nullable=True),
        sa.Column("material_size", sa.Integer(), nullable=False),
        sa.Column("wrapping_key", sa.LargeBinary(), nullable=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("attributes", sa.LargeBinary(), nullable=False),
        sa.Column("indices", sa.Text(), nullable=False),
        sa.Column("state", sa.Integer(), nullable=True),
        sa.Column("activation_date", sa.BigInteger(), nullable=True),
        sa.Column("deactivation_date", sa.BigInteger(), nullable=True),
        sa.Column("initial_date", sa.BigInteger(), nullable=False),
        sa.Column("destroy_pending", sa.Boolean(), nullable=False),
        sa.Column("row_version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["key_id"], ["logical_key.id"], name=op.f("fk_managed_object_key_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_managed_object")),
        sa.UniqueConstraint(
            "key_id", "object_type", "key_version", name=op.f("uq_managed_object_key_id_object_type_key_version")
        ),
        sa.UniqueConstraint("uid", name=op.f("uq_managed_object_uid")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_managed_object_cka_id", "managed_object", ["cka_id"], unique=False)
    op.create_index("ix_managed_object_group_name_id", "managed_object", ["group_name", "id"], unique=False)
    op.create_table(
        "object_attribute",
        sa.Column("object_id", sa.Integer(), nullable=False),
        sa.Column("attribute", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=True),
        sa.Column("digest", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(
            ["object_id"], ["managed_object.id"], name=op.f("fk_object_attribute_object_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("object_id", "attribute", "position", name=op.f("pk_object_attribute")),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_object_attribute_attribute_number",
        "object_attribute",
        ["attribute", "number", "object_id"],
        unique=False,
        sqlite_where=sa.text("number IS NOT NULL"),
        postgresql_where=sa.text("number IS NOT NULL"),
    )
    op.create_index(
        "ix_object_attribute_digest",
        "object_attribute",
        ["digest", "object_id"],
        unique=False,
        sqlite_where=sa.text("digest IS NOT NULL"),
        postgresql_where=sa.text("digest IS NOT NULL"),
    )
