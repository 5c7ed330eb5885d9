"""What ``cuofeng doctor`` wants to know from the database, in one look."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from service.db.health import Health, read_health
from service.db.migrate import current_revision
from service.db.partitions import PARTITIONED, months_between

AHEAD_DAYS = 31


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The database as found. A field below ``revision`` is None when the schema is not there."""

    server_major: int
    clock_s: float
    """The database's clock, epoch seconds UTC."""
    revision: str | None
    health: Health | None
    missing_partitions: tuple[tuple[str, date], ...] | None
    """Tables and first days of the months, from today's to the one in ``AHEAD_DAYS``, that have no partition."""
    held_rows: dict[str, int] | None
    """Rows in quarantine by source."""
    calendar_years: frozenset[int] | None
    """Years that the imported calendar says anything about."""
    plants: int | None


async def diagnose(connection: AsyncConnection, *, now_s: float, newest: str, slot_s: int) -> Diagnosis:
    """Look. now_s: epoch seconds UTC; newest: the revision this code works with, tables are read at no other."""
    major = int(await connection.scalar(text("SELECT current_setting('server_version_num')::int"))) // 10_000
    clock_s = float(await connection.scalar(text("SELECT extract(epoch FROM clock_timestamp())::float8")))
    revision = await current_revision(connection)
    if revision != newest:
        return Diagnosis(major, clock_s, revision, None, None, None, None, None)
    held = await connection.execute(
        text(
            "SELECT source, sum(row_count)::bigint FROM quarantine WHERE state = 'held' GROUP BY source ORDER BY source"
        )
    )
    years = await connection.execute(text("SELECT DISTINCT extract(year FROM day)::int FROM calendar"))
    return Diagnosis(
        server_major=major,
        clock_s=clock_s,
        revision=revision,
        health=await read_health(connection, slot_s),
        missing_partitions=await _missing_partitions(connection, datetime.fromtimestamp(now_s, UTC).date()),
        held_rows={source: int(rows) for source, rows in held},
        calendar_years=frozenset(years.scalars()),
        plants=int(await connection.scalar(text("SELECT count(*) FROM plants")) or 0),
    )


async def _missing_partitions(connection: AsyncConnection, today: date) -> tuple[tuple[str, date], ...]:
    found = set((await connection.execute(text("SELECT relname FROM pg_class WHERE relispartition"))).scalars())
    months = months_between(today, today + timedelta(days=AHEAD_DAYS))
    return tuple((table, month) for table in PARTITIONED for month in months if f"{table}_{month:%Y_%m}" not in found)
