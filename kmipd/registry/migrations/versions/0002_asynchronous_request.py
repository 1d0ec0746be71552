"""Requests that are answered later."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "asynchronous_request",
        sa.Column("correlation", sa.LargeBinary(), nullable=False),
        sa.Column("batch", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("principal", sa.Text(), nullable=False),
        sa.Column("group_name", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("peer", sa.Text(), nullable=False),
        sa.Column("operation", sa.Integer(), nullable=False),
        sa.Column("major", sa.Integer(), nullable=False),
        sa.Column("minor", sa.Integer(), nullable=False),
        sa.Column("continuation", sa.Integer(), nullable=True),
        sa.Column("submitted", sa.BigInteger(), nullable=False),
        sa.Column("begun", sa.BigInteger(), nullable=True),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("cancelled", sa.Boolean(), nullable=False),
        sa.Column("obtained", sa.Boolean(), nullable=False),
        sa.Column("wrapping_key", sa.LargeBinary(), nullable=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("correlation", name=op.f("pk_asynchronous_request")),
    )
    op.create_index("ix_asynchronous_request_batch", "asynchronous_request", ["batch"], unique=False)
    op.create_index(
        "ix_asynchronous_request_principal", "asynchronous_request", ["principal", "group_name"], unique=False
    )
