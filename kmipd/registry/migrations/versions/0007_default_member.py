"""Whose turn it was among the members of an object group."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "default_member",
        sa.Column("group_name", sa.Text(), nullable=False),
        sa.Column("object_group", sa.Text(), nullable=False),
        sa.Column("uid", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("group_name", "object_group", name=op.f("pk_default_member")),
    )
