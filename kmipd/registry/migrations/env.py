"""Alembic's entry: it runs on the connection that `registry.schema` hands over."""

from alembic import context

from kmipd.registry.service_tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite cannot alter most things in place
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()
