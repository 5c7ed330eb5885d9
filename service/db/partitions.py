"""Monthly partitions of readings and scope days, created ahead of need."""

from datetime import UTC, date, datetime, timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

PARTITIONED = ("readings", "scope_days")


def months_between(first: date, last: date) -> list[date]:
    """First days of the months from ``first``'s to ``last``'s."""
    month, months = first.replace(day=1), []
    while month <= last:
        months.append(month)
        month = (month + timedelta(days=32)).replace(day=1)
    return months


async def ensure_partitions(connection: AsyncConnection, first: date, last: date) -> None:
    """Create the missing monthly partitions that hold ``first`` to ``last`` (both included). The caller commits."""
    for month in months_between(first, last):
        after = (month + timedelta(days=32)).replace(day=1)
        for table in PARTITIONED:
            name = f"{table}_{month:%Y_%m}"
            exists = await connection.scalar(text("SELECT to_regclass(:name)"), {"name": name})
            if exists is None:
                span = f"FROM ('{_bounds(table, month)}') TO ('{_bounds(table, after)}')"
                await connection.execute(
                    text(f"CREATE TABLE IF NOT EXISTS {name} PARTITION OF {table} FOR VALUES {span}")
                )


def _bounds(table: str, month: date) -> str:
    if table == "readings":
        return datetime(month.year, month.month, 1, tzinfo=UTC).isoformat()
    return month.isoformat()
