"""Alembic environment: runs on the connection that ``service.db.migrate`` hands over."""

from alembic import context
from sqlalchemy import text
from sqlalchemy.sql.schema import SchemaItem

from service.db.tables import METADATA

connection = context.config.attributes["connection"]
# Partitions are made ahead by the service (service.db.partitions); no migration and no model knows them.
PARTITIONS = set(
    connection.execute(text("SELECT relname FROM pg_class WHERE relispartition AND relkind = 'r'")).scalars()
)


def is_compared(item: SchemaItem, name: str | None, kind: str, reflected: bool, other: SchemaItem | None) -> bool:
    """Whether ``alembic check`` looks at this object."""
    return not (kind == "table" and reflected and name in PARTITIONS)


context.configure(
    connection=connection,
    target_metadata=METADATA,
    compare_type=True,
    include_object=is_compared,
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()
