"""Key stores, their tokens, what is to be replicated and where copies are."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "key_store",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("root", sa.Boolean(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("failure", sa.Text(), nullable=True),
        sa.Column("failure_text", sa.Text(), nullable=False),
        sa.Column("connection", sa.Integer(), nullable=False),
        sa.Column("rotate_pin", sa.Boolean(), nullable=False),
        sa.Column("connect_timeout", sa.Integer(), nullable=False),
        sa.Column("replication", sa.Text(), nullable=False),
        sa.Column("transport_key", sa.LargeBinary(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_key_store")),
    )
    op.create_table(
        "store_member",
        sa.Column("store", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("module", sa.Text(), nullable=False),
        sa.Column("token_label", sa.Text(), nullable=False),
        sa.Column("token_serial", sa.Text(), nullable=False),
        sa.Column("environment", sa.Text(), nullable=False),
        sa.Column("reserved", sa.Text(), nullable=False),
        sa.Column("pin_source", sa.Text(), nullable=False),
        sa.Column("pin_current", sa.LargeBinary(), nullable=False),
        sa.Column("pin_pending", sa.LargeBinary(), nullable=False),
        sa.Column("pin_tried", sa.Text(), nullable=False),
        sa.Column("sentinel", sa.LargeBinary(), nullable=False),
        sa.Column("transport_key", sa.LargeBinary(), nullable=False),
        sa.Column("ceremony_key", sa.LargeBinary(), nullable=False),
        sa.Column("ceremony_public", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["store"], ["key_store.name"], name=op.f("fk_store_member_store"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("store", "name", name=op.f("pk_store_member")),
    )
    op.create_table(
        "replication",
        sa.Column("store", sa.Text(), nullable=False),
        sa.Column("member", sa.Text(), nullable=False),
        sa.Column("cka_id", sa.LargeBinary(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("parcel", sa.LargeBinary(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("problem", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("store", "member", "cka_id", name=op.f("pk_replication")),
    )
    op.create_table(
        "key_copy",
        sa.Column("store", sa.Text(), nullable=False),
        sa.Column("member", sa.Text(), nullable=False),
        sa.Column("cka_id", sa.LargeBinary(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("check_value", sa.Text(), nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("store", "member", "cka_id", name=op.f("pk_key_copy")),
    )
