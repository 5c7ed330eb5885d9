"""How far the stream was read: silence before that time is silence, after it nobody knows yet."""

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection


@dataclass(frozen=True, slots=True)
class StreamTime:
    """watermark_s: every record sent before it was read, epoch seconds. now: the database's clock."""

    watermark_s: float
    lag_records: int
    now: datetime


async def stream_time(connection: AsyncConnection) -> StreamTime | None:
    """The oldest watermark of all partitions; None while a partition was never read, or there is none."""
    row = (
        await connection.execute(
            text(
                "SELECT min(watermark), count(*) - count(watermark), now(),"
                " coalesce(sum(greatest(coalesce(end_offset, next_offset) - next_offset, 0)), 0) FROM cursors"
            )
        )
    ).one()
    if row[0] is None or row[1]:
        return None
    return StreamTime(row[0].timestamp(), int(row[3]), row[2])


async def registry_version(connection: AsyncConnection) -> int:
    """Version of the registry; every import that changes something raises it."""
    return int(await connection.scalar(text("SELECT version FROM registry_state")) or 0)


async def earliest_reading(connection: AsyncConnection, until_s: int | None) -> int | None:
    """Time of the earliest reading of all, looked for up to ``until_s`` where given; epoch seconds, None without."""
    first = await connection.scalar(
        text("SELECT min(ts) FROM readings WHERE CAST(:until AS timestamptz) IS NULL OR ts <= :until"),
        {"until": None if until_s is None else datetime.fromtimestamp(until_s, UTC)},
    )
    return None if first is None else int(first.timestamp())
