"""The entries that Locate searches follow the objects; the index by CKA_ID holds token objects only."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "index_progress",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("through", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_index_progress")),
    )
    # Everything that is there was indexed when it was written.
    op.execute("INSERT INTO index_progress (id, through) SELECT 1, coalesce(max(id), 0) FROM managed_object")
    op.drop_index("ix_managed_object_cka_id", table_name="managed_object")
    op.create_index(
        "ix_managed_object_cka_id",
        "managed_object",
        ["cka_id"],
        unique=False,
        sqlite_where=sa.text("cka_id IS NOT NULL"),
        postgresql_where=sa.text("cka_id IS NOT NULL"),
    )
