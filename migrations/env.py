"""Alembic environment: runs on the connection that ``service.db.migrate`` hands over."""

from alembic import context
from sqlalchemy import text
from sqlalchemy.sql.schema import SchemaItem

from service.db.tables import METADATA

connection = context.config.attributes["connection"]
# Months are made ahead and put away by the service (service.db.partitions); no migration and no model knows them.
MONTHS = set(
    connection.execute(
        text(r"SELECT relname FROM pg_class WHERE relkind = 'r' AND relname ~ '^(readings|scope_days)_\d{4}_\d\d$'")
    ).scalars()
)
# In a transaction already begun Alembic would commit nothing by itself, and hold every lock until the last revision.
connection.commit()


def is_compared(item: SchemaItem, name: str | None, kind: str, reflected: bool, other: SchemaItem | None) -> bool:
    """Whether ``alembic check`` looks at this object."""
    return not (kind == "table" and reflected and name in MONTHS)


context.configure(
    connection=connection,
    target_metadata=METADATA,
    compare_type=True,
    include_object=is_compared,
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()
