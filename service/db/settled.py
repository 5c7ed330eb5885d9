"""What is still to be done until everything sent up to a time is judged: for who waits for that (demo, tests)."""

from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection


@dataclass(frozen=True, slots=True)
class Unsettled:
    """taken_in: records whose effects are in the database. watermark_s: of the oldest partition, epoch seconds; None:
    one was never read. judged_slots: every source is ticked for the slots below it, None: not yet. marks: those that
    begin before the time's slot, and what is to be counted again. held: rows in quarantine."""

    taken_in: int
    watermark_s: float | None
    judged_slots: int | None
    marks: int
    held: int


async def read_unsettled(connection: AsyncConnection, before_slot: int) -> Unsettled:
    """One look, of one moment."""
    row = (
        await connection.execute(
            text(
                "SELECT c.taken_in, CASE WHEN c.never = 0 THEN c.watermark END AS watermark,"
                " (SELECT min(next_slot) FROM ticks) AS judged_slots,"
                " (SELECT count(*) FROM dirty_scopes WHERE first_slot < :before)"
                " + (SELECT count(*) FROM recounts) AS marks,"
                " (SELECT count(*) FROM quarantine WHERE state = 'held') AS held"
                " FROM (SELECT coalesce(sum(next_offset), 0) AS taken_in, min(watermark) AS watermark,"
                " count(*) - count(watermark) AS never FROM cursors) c"
            ),
            {"before": before_slot},
        )
    ).one()
    return Unsettled(
        taken_in=int(row.taken_in),
        watermark_s=None if row.watermark is None else row.watermark.timestamp(),
        judged_slots=None if row.judged_slots is None else int(row.judged_slots),
        marks=int(row.marks),
        held=int(row.held),
    )
