"""Cursors of the partitions: where ingest stands, and who may go on (RELIABILITY §2).

next_offset = n <=> the effects of all records < n are in the database, and of none >= n. The consumer group hands out
partitions; ``epoch`` fences: whoever claims a partition adds 1, and an older owner's batch finds 0 rows.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

CLAIM = text(
    "UPDATE cursors SET epoch = epoch + 1, owner = :owner WHERE topic = :topic AND part = :part"
    " RETURNING next_offset, epoch, stopped_reason"
)
# Longer than an owner that is told to hand over may finish its batch.
HAND_OVER = text("SET LOCAL lock_timeout = '6s'")
END_HOLDER = text(
    "SELECT pg_terminate_backend(l.pid) FROM cursors c JOIN pg_locks l ON l.locktype = 'transactionid' AND l.granted"
    " AND l.transactionid = c.xmax WHERE c.topic = :topic AND c.part = :part AND l.pid <> pg_backend_pid()"
)
FIRST = text(
    "INSERT INTO cursors (topic, part, next_offset) VALUES (:topic, :part, :next_offset) ON CONFLICT DO NOTHING"
)
ADVANCE = text(
    "UPDATE cursors SET next_offset = :to_offset, committed_at = :now, end_offset = GREATEST(end_offset, :end_offset),"
    " watermark = GREATEST(watermark, :watermark)"
    " WHERE topic = :topic AND part = :part AND next_offset = :from_offset AND epoch = :epoch"
)
TELL = text(
    "UPDATE cursors SET end_offset = :end_offset, watermark = GREATEST(watermark, :watermark)"
    " WHERE topic = :topic AND part = :part AND epoch = :epoch AND next_offset = :next_offset"
)
STOP = text("UPDATE cursors SET stopped_reason = :reason WHERE topic = :topic AND part = :part AND epoch = :epoch")
RESUME = text(
    "UPDATE cursors SET stopped_reason = NULL, next_offset = COALESCE(CAST(:next_offset AS bigint), next_offset),"
    " epoch = epoch + 1 WHERE topic = :topic AND part = :part AND stopped_reason IS NOT NULL"
    " RETURNING next_offset, epoch, stopped_reason"
)


@dataclass(frozen=True, slots=True)
class Claim:
    """What an owner holds of a partition."""

    next_offset: int
    epoch: int
    stopped_reason: str | None


async def claim(connection: AsyncConnection, topic: str, part: int, owner: str) -> Claim | None:
    """Take over a partition: from now on older owners are fenced. None: it has no cursor yet.

    Raises:
        ContentionError: an older owner is inside a batch, for longer than a hand-over takes; see ``end_holder``.
    """
    await connection.execute(HAND_OVER)
    found = (await connection.execute(CLAIM, {"topic": topic, "part": part, "owner": owner})).one_or_none()
    return _claim(found)


async def end_holder(connection: AsyncConnection, topic: str, part: int) -> int:
    """End the session whose batch holds a partition's cursor: of a process that froze, or whose machine is gone. No
    time-out of the server ends one that waits for the rest of a statement. Its batch is read again; how many ended."""
    found = await connection.execute(END_HOLDER, {"topic": topic, "part": part})
    return len(found.all())


async def insert_first(connection: AsyncConnection, topic: str, part: int, next_offset: int) -> None:
    """The explicit cursor of a first start; one that is there already stays."""
    await connection.execute(FIRST, {"topic": topic, "part": part, "next_offset": next_offset})


async def read(connection: AsyncConnection, topic: str, part: int) -> Claim | None:
    """Where a partition stands."""
    found = await connection.execute(
        text("SELECT next_offset, epoch, stopped_reason FROM cursors WHERE topic = :topic AND part = :part"),
        {"topic": topic, "part": part},
    )
    return _claim(found.one_or_none())


async def advance(
    connection: AsyncConnection,
    *,
    topic: str,
    part: int,
    epoch: int,
    from_offset: int,
    to_offset: int,
    end_offset: int | None,
    watermark_s: float,
    now_s: float,
) -> bool:
    """Move the cursor, first of all statements of a batch: it takes the lock. False: fenced, roll back."""
    result = await connection.execute(
        ADVANCE,
        {
            "topic": topic,
            "part": part,
            "epoch": epoch,
            "from_offset": from_offset,
            "to_offset": to_offset,
            "end_offset": end_offset,
            "watermark": _time(watermark_s),
            "now": _time(now_s),
        },
    )
    return result.rowcount == 1


async def tell(
    connection: AsyncConnection,
    *,
    topic: str,
    part: int,
    epoch: int,
    next_offset: int,
    end_offset: int,
    watermark_s: float | None,
) -> bool:
    """How far the partition goes, and up to which time all of it was read; else False."""
    result = await connection.execute(
        TELL,
        {
            "topic": topic,
            "part": part,
            "epoch": epoch,
            "next_offset": next_offset,
            "end_offset": end_offset,
            "watermark": None if watermark_s is None else _time(watermark_s),
        },
    )
    return result.rowcount == 1


async def stop(connection: AsyncConnection, topic: str, part: int, epoch: int, reason: str) -> None:
    """Say that the partition waits for an operator."""
    await connection.execute(STOP, {"topic": topic, "part": part, "epoch": epoch, "reason": reason})


async def resume(connection: AsyncConnection, topic: str, part: int, next_offset: int | None = None) -> Claim | None:
    """An operator lets a stopped partition go on, from another offset if told so; its owner has to claim it anew.
    None: no such partition is stopped."""
    found = await connection.execute(RESUME, {"topic": topic, "part": part, "next_offset": next_offset})
    return _claim(found.one_or_none())


def _claim(row: Row[Any] | None) -> Claim | None:
    return None if row is None else Claim(row.next_offset, row.epoch, row.stopped_reason)


def _time(epoch_s: float) -> datetime:
    return datetime.fromtimestamp(epoch_s, UTC)
