"""Monthly partitions of readings and scope days: made ahead of need, and taken off their table when they are old.

Neither stops anybody: a partition is made as a table of its own and attached, and detached CONCURRENTLY. Both take a
SHARE UPDATE EXCLUSIVE lock of the table, which readers and writers do not meet.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

PARTITIONED = ("readings", "scope_days")
PARTITION_LOCK = 4_210_212

# Not by to_regclass: it may remember that there was no such table, though another maker has committed it meanwhile.
_MISSING = text(
    "SELECT i FROM unnest(CAST(:names AS text[])) WITH ORDINALITY n(name, i) WHERE NOT EXISTS (SELECT FROM pg_class c"
    " WHERE c.relname = n.name AND c.relnamespace = current_schema()::regnamespace) ORDER BY i"
)
_MONTHS = text(
    "SELECT c.relname, i.inhrelid IS NOT NULL AS is_attached, coalesce(i.inhdetachpending, false) AS is_half_detached,"
    " pg_total_relation_size(c.oid) AS size_bytes FROM pg_class c LEFT JOIN pg_inherits i ON i.inhrelid = c.oid"
    " WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r'"
    r" AND c.relname ~ '^(readings|scope_days)_\d{4}_\d\d$' ORDER BY c.relname"
)


@dataclass(frozen=True, slots=True)
class MonthTable:
    """The table of one month. month: its first day. is_attached: a partition, else a table that stands alone.
    is_half_detached: a detachment was interrupted and has to be finished."""

    table: str
    month: date
    is_attached: bool
    is_half_detached: bool
    size_bytes: int

    @property
    def name(self) -> str:
        """Its own name."""
        return _name(self.table, self.month)


def months_between(first: date, last: date) -> list[date]:
    """First days of the months from ``first``'s to ``last``'s."""
    month, months = first.replace(day=1), []
    while month <= last:
        months.append(month)
        month = (month + timedelta(days=32)).replace(day=1)
    return months


async def ensure_partitions(
    connection: AsyncConnection, first: date, last: date, tables: Sequence[str] = PARTITIONED
) -> list[str]:
    """Create the missing monthly partitions that hold ``first`` to ``last`` (both included); their names. The caller
    commits soon: makers take turns."""
    wanted = [(table, month) for month in months_between(first, last) for table in tables]
    if not await _missing(connection, wanted):
        return []
    await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": PARTITION_LOCK})
    made = await _missing(connection, wanted)
    for table, month in made:
        name = _name(table, month)
        after = (month + timedelta(days=32)).replace(day=1)
        span = f"FROM ('{_bounds(table, month)}') TO ('{_bounds(table, after)}')"
        await connection.execute(text(f"CREATE TABLE {name} (LIKE {table} INCLUDING ALL)"))
        await connection.execute(text(f"ALTER TABLE {table} ATTACH PARTITION {name} FOR VALUES {span}"))
    return [_name(table, month) for table, month in made]


async def month_tables(connection: AsyncConnection) -> list[MonthTable]:
    """Every month's table, attached or not, in order."""
    found = []
    for row in await connection.execute(_MONTHS):
        table, year, month = row.relname.rsplit("_", 2)
        first = date(int(year), int(month), 1)
        found.append(MonthTable(table, first, row.is_attached, row.is_half_detached, row.size_bytes))
    return found


async def detach(connection: AsyncConnection, month: MonthTable) -> None:
    """Take a month off its table, or finish what was begun; it stays as a table of its own. Outside a transaction: the
    connection's isolation level is AUTOCOMMIT. Waits for who is using the table, and nobody waits for that.

    Raises:
        sqlalchemy.exc.DBAPIError: it could not wait any longer (55P03, 57014); the same again goes on from there.
    """
    how = "FINALIZE" if month.is_half_detached else "CONCURRENTLY"
    await connection.execute(text(f"ALTER TABLE {month.table} DETACH PARTITION {month.name} {how}"))


async def drop(connection: AsyncConnection, month: MonthTable) -> None:
    """Remove the table of a detached month with all that is in it."""
    await connection.execute(text(f"DROP TABLE {month.name}"))


async def _missing(connection: AsyncConnection, wanted: Sequence[tuple[str, date]]) -> list[tuple[str, date]]:
    names = [_name(table, month) for table, month in wanted]
    return [wanted[i - 1] for i in (await connection.execute(_MISSING, {"names": names})).scalars()]


def _name(table: str, month: date) -> str:
    return f"{table}_{month:%Y_%m}"


def _bounds(table: str, month: date) -> str:
    if table == "readings":
        return datetime(month.year, month.month, 1, tzinfo=UTC).isoformat()
    return month.isoformat()
