"""Monthly partitions of readings and scope days, created ahead of need."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

PARTITIONED = ("readings", "scope_days")
PARTITION_LOCK = 4_210_212


def months_between(first: date, last: date) -> list[date]:
    """First days of the months from ``first``'s to ``last``'s."""
    month, months = first.replace(day=1), []
    while month <= last:
        months.append(month)
        month = (month + timedelta(days=32)).replace(day=1)
    return months


async def ensure_partitions(
    connection: AsyncConnection, first: date, last: date, tables: Sequence[str] = PARTITIONED
) -> None:
    """Create the missing monthly partitions that hold ``first`` to ``last`` (both included). The caller commits soon.

    Making a partition locks its whole table until the commit, so this wants a short transaction of its own; makers take
    turns.
    """
    missing = [(table, month) for month in months_between(first, last) for table in tables]
    names = [_name(table, month) for table, month in missing]
    there = await connection.execute(
        text(
            "SELECT to_regclass(name) IS NOT NULL FROM unnest(CAST(:names AS text[]))"
            " WITH ORDINALITY n(name, i) ORDER BY i"
        ),
        {"names": names},
    )
    missing = [pair for pair, (exists,) in zip(missing, there.all(), strict=True) if not exists]
    if missing:
        await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": PARTITION_LOCK})
    for table, month in missing:
        after = (month + timedelta(days=32)).replace(day=1)
        span = f"FROM ('{_bounds(table, month)}') TO ('{_bounds(table, after)}')"
        statement = f"CREATE TABLE IF NOT EXISTS {_name(table, month)} PARTITION OF {table} FOR VALUES {span}"
        await connection.execute(text(statement))


def _name(table: str, month: date) -> str:
    return f"{table}_{month:%Y_%m}"


def _bounds(table: str, month: date) -> str:
    if table == "readings":
        return datetime(month.year, month.month, 1, tzinfo=UTC).isoformat()
    return month.isoformat()
