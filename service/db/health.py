"""How far the stream is read and judged: cursors, ticks, marks, and the feed's health told from them."""

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

#: A partition whose watermark is older than this is late (seconds).
LAG_BAR_S = 60.0
#: Evaluation may take this long after the last source's deadline (seconds).
EVALUATION_BAR_S = 300


@dataclass(frozen=True, slots=True)
class Partition:
    """A partition's cursor. ``watermark``: everything sent before it was read; None before the first commit."""

    topic: str
    part: int
    next_offset: int
    end_offset: int | None
    watermark: datetime | None
    committed_at: datetime | None
    stopped_reason: str | None

    @property
    def lag_records(self) -> int | None:
        """Records that wait in the partition; None while its end is unknown."""
        return None if self.end_offset is None else max(0, self.end_offset - self.next_offset)


@dataclass(frozen=True, slots=True)
class Health:
    """One look at the state of the stream. ``judged_slots``: every scope is judged for all slots below it; None
    before the first tick. ``delay_s``: the largest declared delay of a source."""

    partitions: tuple[Partition, ...]
    judged_slots: int | None
    delay_s: int

    def data_as_of(self, slot_s: int) -> datetime | None:
        """Slot end up to which every scope was evaluated, ``unknown`` included (CONTRACTS §4)."""
        return None if self.judged_slots is None else datetime.fromtimestamp(self.judged_slots * slot_s, UTC)

    def ingest_lag_s(self, now_s: float) -> float | None:
        """Age of the oldest partition's watermark, seconds; None when a partition was never read, or none is known."""
        marks = [p.watermark.timestamp() for p in self.partitions if p.watermark is not None]
        if not marks or len(marks) < len(self.partitions):
            return None
        return max(0.0, now_s - min(marks))

    def is_degraded(self, now_s: float, slot_s: int) -> bool:
        """Whether an empty answer may hide something: late, stopped, never read, or not judged in time."""
        lag_s = self.ingest_lag_s(now_s)
        if lag_s is None or lag_s > LAG_BAR_S or any(p.stopped_reason is not None for p in self.partitions):
            return True
        return self.is_judged_late(now_s, slot_s)

    def is_judged_late(self, now_s: float, slot_s: int) -> bool:
        """Whether ``data_as_of`` is older than a slot, the largest delay of a source and 5 min; or there is none."""
        if self.judged_slots is None:
            return True
        return now_s - self.judged_slots * slot_s > slot_s + self.delay_s + EVALUATION_BAR_S


async def read_health(connection: AsyncConnection) -> Health:
    """Read cursors, ticks and open marks."""
    partitions = await connection.execute(
        text(
            "SELECT topic, part, next_offset, end_offset, watermark, committed_at, stopped_reason FROM cursors"
            " ORDER BY topic, part"
        )
    )
    found = tuple(Partition(*row) for row in partitions)
    # Ticks first: a tick that lands between the two reads must not hide the marks that came with it.
    ticked = await connection.scalar(text("SELECT min(next_slot) FROM ticks"))
    due = await connection.scalar(text("SELECT min(due_slot) FROM dirty_scopes WHERE due_slot IS NOT NULL"))
    delay_min = await connection.scalar(text("SELECT max(delay_min) FROM sources"))
    judged = None if ticked is None else min(int(ticked), int(ticked if due is None else due))
    return Health(found, judged, int(delay_min or 0) * 60)
