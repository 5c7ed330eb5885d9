"""How tables are written down: their collection, its naming rules, and columns by the handful."""

from typing import Any

from sqlalchemy import (
    Column,
    DateTime,
    MetaData,
)
from sqlalchemy.types import TypeEngine

METADATA = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
    }
)
Instant = DateTime(timezone=True)
Kind = TypeEngine[Any] | type[TypeEngine[Any]]


def must(kind: Kind, names: str) -> list[Column[Any]]:
    """Columns of one type that are never null."""
    return [Column(name, kind, nullable=False) for name in names.split()]


def may(kind: Kind, names: str) -> list[Column[Any]]:
    """Columns of one type that may be null."""
    return [Column(name, kind) for name in names.split()]
