"""How far the stream is read and judged, and what stands still: cursors, ticks, marks, heartbeats."""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from math import inf

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from service.db.heartbeats import Heartbeat, Role, read_heartbeats

#: Whatever stands still for longer is told (seconds): with the time that a look and an answer take, within 30 s.
STALL_BAR_S = 25.0
#: Clocks may be this far apart (seconds).
CLOCK_BAR_S = 30.0


class Fault(StrEnum):
    """Why an empty answer may hide something. In the order in which to look at them."""

    NEVER_READ = "never_read"
    """No partition is known, or one was never read."""
    PARTITION_STOPPED = "partition_stopped"
    """A partition waits for an operator: poison, truncated, expired."""
    INGEST_LATE = "ingest_late"
    """Not everything sent was read: broker away, ingest dead, frozen or behind, database without room."""
    EVALUATE_SILENT = "evaluate_silent"
    """No evaluating process is heard: none runs, all are frozen, or the database takes no writes."""
    EVALUATE_STALLED = "evaluate_stalled"
    """Evaluating processes are heard, but no pass succeeds, or nobody claims what is marked."""
    JUDGED_LATE = "judged_late"
    """A slot whose time is over is not judged. Never before the history begins: then there is nothing to judge."""
    CLOCK_OFF = "clock_off"
    """Two clocks of this system differ: silence is told too early or too late."""
    REGISTRY_EMPTY = "registry_empty"
    """No plant is known: nothing can be judged."""


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
    before the first tick. ``begins_s``: no slot before it needs a verdict, epoch seconds; before the first reading the
    first order's start, infinite without one. ``delay_s``: the largest declared delay of a source. ``mark_waits_s``:
    for how long the oldest mark waits that could be judged, None without one. ``clock_s``: the database's clock, epoch
    seconds."""

    partitions: tuple[Partition, ...]
    judged_slots: int | None
    delay_s: int
    clock_s: float
    heartbeats: tuple[Heartbeat, ...] = ()
    mark_waits_s: float | None = None
    has_plants: bool = True
    begins_s: float = -inf

    def data_as_of(self, slot_s: int) -> datetime | None:
        """Slot end up to which every scope was evaluated, ``unknown`` included (CONTRACTS §4)."""
        return None if self.judged_slots is None else datetime.fromtimestamp(self.judged_slots * slot_s, UTC)

    def ingest_lag_s(self, now_s: float) -> float | None:
        """Age of the oldest partition's watermark, seconds; None when a partition was never read, or none is known."""
        marks = [p.watermark.timestamp() for p in self.partitions if p.watermark is not None]
        if not marks or len(marks) < len(self.partitions):
            return None
        return max(0.0, now_s - min(marks))

    def is_judged_late(self, now_s: float, slot_s: int) -> bool:
        """Whether ``data_as_of``, or the history's begin, is older than a slot, the largest delay of a source and the
        bar; or no clock has ticked."""
        if self.judged_slots is None:
            return True
        return now_s - max(self.judged_slots * slot_s, self.begins_s) > slot_s + self.delay_s + STALL_BAR_S

    def heard(self, role: Role) -> tuple[Heartbeat, ...]:
        """Processes of a role that live."""
        return tuple(h for h in self.heartbeats if h.role is role and h.heard_ago_s <= STALL_BAR_S)

    def is_evaluate_stalled(self) -> bool:
        """Whether processes evaluate, but none of them gets anywhere."""
        heard = self.heard(Role.EVALUATE)
        if not heard:
            return False
        if min(h.moved_ago_s for h in heard) > STALL_BAR_S:
            return True
        worked_ago_s = min((h.worked_ago_s for h in heard if h.worked_ago_s is not None), default=STALL_BAR_S)
        return (self.mark_waits_s or 0.0) > STALL_BAR_S <= worked_ago_s

    def clocks_ahead_s(self, now_s: float | None) -> dict[str, float]:
        """How far each clock is ahead of the database's, by process; ``here``: the asker's, None for a story's."""
        heard = [*self.heard(Role.INGEST), *self.heard(Role.EVALUATE)]
        ahead = {h.process: h.clock_ahead_s for h in heard if h.clock_ahead_s is not None}
        return ahead if now_s is None else {"here": now_s - self.clock_s, **ahead}

    def faults(self, now_s: float, slot_s: int, *, is_virtual: bool = False) -> tuple[Fault, ...]:
        """All that may hide something. now_s: epoch seconds UTC; is_virtual: it is a story's time."""
        lag_s = self.ingest_lag_s(now_s)
        marks = [p.watermark.timestamp() for p in self.partitions if p.watermark is not None]
        clocks = self.clocks_ahead_s(None if is_virtual else now_s).values()
        found = {
            Fault.NEVER_READ: lag_s is None,
            Fault.PARTITION_STOPPED: any(p.stopped_reason is not None for p in self.partitions),
            Fault.INGEST_LATE: lag_s is not None and lag_s > STALL_BAR_S,
            Fault.EVALUATE_SILENT: not self.heard(Role.EVALUATE),
            Fault.EVALUATE_STALLED: self.is_evaluate_stalled(),
            Fault.JUDGED_LATE: self.is_judged_late(now_s, slot_s),
            # A watermark ahead of the clock would hide for as long that nothing is read any more.
            Fault.CLOCK_OFF: any(abs(s) > CLOCK_BAR_S for s in clocks)
            or max(marks, default=now_s) > now_s + CLOCK_BAR_S,
            Fault.REGISTRY_EMPTY: not self.has_plants,
        }
        return tuple(fault for fault in Fault if found[fault])


async def read_health(connection: AsyncConnection, slot_s: int) -> Health:
    """Read cursors, ticks, marks and heartbeats. slot_s: width of a slot."""
    rows = await connection.execute(
        text(
            "SELECT topic, part, next_offset, end_offset, watermark, committed_at, stopped_reason FROM cursors"
            " ORDER BY topic, part"
        )
    )
    partitions = tuple(Partition(*row) for row in rows)
    # Ticks first: a tick that lands between the two reads must not hide the marks that came with it.
    ticked = await connection.scalar(text("SELECT min(next_slot) FROM ticks"))
    read_until = min((p.watermark.timestamp() for p in partitions if p.watermark is not None), default=0.0)
    due, waits_s = (
        await connection.execute(
            text(
                # What of a mark lies in the future waits for its time, and only from then on for a process.
                "SELECT min(due_slot), extract(epoch FROM clock_timestamp() - least((SELECT min(asked_at) FROM"
                " recounts), min(greatest(marked_at, to_timestamp((first_slot + 1) * CAST(:slot_s AS bigint))))"
                " FILTER (WHERE first_slot < :before)))::float8 FROM dirty_scopes"
            ),
            {"slot_s": slot_s, "before": int(read_until) // slot_s},
        )
    ).one()
    rest = (
        await connection.execute(
            text(
                "SELECT coalesce(max(delay_min), 0) * 60, extract(epoch FROM clock_timestamp())::float8,"
                " EXISTS (SELECT FROM plants), CASE WHEN EXISTS (SELECT FROM source_slots) THEN '-infinity'::float8"
                " ELSE coalesce(extract(epoch FROM (SELECT min(valid_from) FROM orders))::float8, 'infinity') END"
                " FROM sources"
            )
        )
    ).one()
    return Health(
        partitions=partitions,
        judged_slots=None if ticked is None else min(int(ticked), int(ticked if due is None else due)),
        delay_s=int(rest[0]),
        clock_s=rest[1],
        heartbeats=await read_heartbeats(connection),
        mark_waits_s=waits_s,
        has_plants=rest[2],
        begins_s=rest[3],
    )
