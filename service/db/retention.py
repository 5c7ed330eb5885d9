"""What may be put away, and the line that is drawn then: nothing before it is taken in or judged any more.

The line stands in ``registry_state`` and moves together with the registry's version. So every batch of ingest is either
committed before it moved, and then seen here, or prepared anew with it; evaluation follows it the same way.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection

from detectors.slots import instant

MAINTENANCE_LOCK = 4_210_213
#: Days of the oldest month that stay as they are: the first days judged again need those before them (a carry, and
#: registers of the day before), and a local day begins before or after midnight UTC.
CONTEXT_DAYS = 3

_FREEZE = text(
    "UPDATE registry_state SET frozen_before = :until, version = version + 1"
    " WHERE frozen_before IS NULL OR frozen_before < :until"
)
_OLDEST_MARK = text(
    "SELECT min(first_slot) FROM (SELECT first_slot, last_slot FROM dirty_scopes"
    " UNION ALL SELECT first_slot, last_slot FROM recounts) wanted"
    " WHERE first_slot < :before AND last_slot >= CAST(:frozen AS bigint)"
)
_OLDEST_PROVISIONAL = text(
    "SELECT min(last_slot_end) FROM alerts WHERE evidence = 'provisional' AND condition <> 'retracted'"
)
_UNNEEDED_SLOTS = text("DELETE FROM source_slots WHERE slot < :before AND NOT is_down")
_OLD_KEYS = text("DELETE FROM idempotency_keys WHERE created_at < :before")
_OLD_CONFLICTS = text("DELETE FROM reading_conflicts WHERE ts < :before")


@dataclass(frozen=True, slots=True)
class Line:
    """Where the line stands: ``frozen_s`` epoch seconds or None, in the registry's zone."""

    zone: str
    frozen_s: int | None


@dataclass(frozen=True, slots=True)
class Hold:
    """Something from this time on (epoch seconds) may still be judged again."""

    reason: str
    since_s: int


async def take_turn(connection: AsyncConnection) -> bool:
    """Whether this session may maintain the database: one at a time, until ``end_turn``."""
    return bool(await connection.scalar(text("SELECT pg_try_advisory_lock(:lock)"), {"lock": MAINTENANCE_LOCK}))


async def end_turn(connection: AsyncConnection) -> None:
    """Let others maintain."""
    await connection.execute(text("SELECT pg_advisory_unlock(:lock)"), {"lock": MAINTENANCE_LOCK})


async def take_line(connection: AsyncConnection) -> Line:
    """Read the line and keep it where it is until the caller commits: no batch and no import commits meanwhile."""
    row = (await connection.execute(text("SELECT zone, frozen_before FROM registry_state FOR UPDATE"))).one()
    return Line(row.zone, None if row.frozen_before is None else int(row.frozen_before.timestamp()))


async def holds(connection: AsyncConnection, line: Line, as_of: int, horizon_s: int, slot_s: int) -> list[Hold]:
    """Everything that may be judged again. as_of: how far the stream was read, epoch seconds."""
    found = [Hold("readings may still come that late", as_of - horizon_s)]
    frozen_slot = 0 if line.frozen_s is None else line.frozen_s // slot_s
    mark = await connection.scalar(_OLDEST_MARK, {"before": as_of // slot_s, "frozen": frozen_slot})
    if mark is not None:
        found.append(Hold("slots are marked to be judged again", int(mark) * slot_s))
    provisional = await connection.scalar(_OLDEST_PROVISIONAL)
    if provisional is not None:
        found.append(Hold("evidence is not final yet", int(provisional.timestamp())))
    return found


async def freeze(connection: AsyncConnection, until_s: int) -> bool:
    """Move the line to a time; whether it moved. It never goes back."""
    return (await connection.execute(_FREEZE, {"until": datetime.fromtimestamp(until_s, UTC)})).rowcount == 1


async def prune(connection: AsyncConnection, frozen_slot: int | None, keys_before_s: float) -> dict[str, int]:
    """Remove what grows for ever and nobody asks for again: how many rows of each table."""
    removed = {"idempotency_keys": await _remove(connection, _OLD_KEYS, keys_before_s)}
    if frozen_slot is not None:
        result = await connection.execute(_UNNEEDED_SLOTS, {"before": frozen_slot})
        removed["source_slots"] = result.rowcount
    return removed


async def forget_conflicts(connection: AsyncConnection, before: date) -> int:
    """Remove the lost values of months whose readings are dropped, those before a first of a month; how many."""
    return await _remove(connection, _OLD_CONFLICTS, datetime(before.year, before.month, 1, tzinfo=UTC).timestamp())


async def _remove(connection: AsyncConnection, statement: TextClause, before_s: float) -> int:
    return int((await connection.execute(statement, {"before": datetime.fromtimestamp(before_s, UTC)})).rowcount)


def frozen_with(zone: str, first_kept: date) -> int:
    """Where the line is when ``first_kept`` (a first of a month) is the oldest month that stays; epoch seconds."""
    return instant(zone, first_kept + timedelta(days=CONTEXT_DAYS), 0)


def oldest_month(zone: str, wanted: date, held: Iterable[Hold]) -> tuple[date, Hold | None]:
    """The oldest month that has to stay, and what holds it: ``wanted`` (a first of a month), or an earlier one."""
    month, reason = wanted, None
    for hold in held:
        while frozen_with(zone, month) > hold.since_s:
            month, reason = (month - timedelta(days=1)).replace(day=1), hold
    return month, reason


def months_before(day: date, months: int) -> date:
    """The first of the month that lies so many months before a day's."""
    count = day.year * 12 + day.month - 1 - months
    return date(count // 12, count % 12 + 1, 1)
