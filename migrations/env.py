"""Alembic environment: runs on the connection that ``service.db.migrate`` hands over."""

from alembic import context

from service.db.tables import METADATA

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=METADATA,
    compare_type=True,
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()
