"""Metadata that ``alembic check`` compares with the migrated database."""

from sqlalchemy import MetaData

METADATA = MetaData()
