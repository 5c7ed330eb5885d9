"""Rows that are not readings: held until their cause is gone, or refused and on their way to the dead-letter topic.

One row a record and code, with the record's own bytes, so that it can be read again or handed on. Refused ones wait
in state ``rejected`` until the topic has them: at least once, and never lost.
"""

import base64
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from itertools import accumulate
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from service.db.copying import copy_records_in


class State(StrEnum):
    """Where an entry is."""

    HELD = "held"
    REPLAYED = "replayed"  # its rows went in after all
    REJECTED = "rejected"  # a dead letter that the topic has not got yet
    DEAD = "dead"  # it has


@dataclass(frozen=True, slots=True)
class Entry:
    """Rows of one record with one code. positions: () = the record is one row, or refused whole; times in the epoch."""

    source: str
    topic: str
    part: int
    offset: int
    code: str
    detail: str
    record_ms: int
    held_s: float
    positions: tuple[int, ...] = ()
    meter_id: str | None = None
    due_s: float | None = None
    key: bytes | None = None
    value: bytes | None = None
    headers: tuple[tuple[str, bytes], ...] = ()
    state: State = State.HELD
    number: int = 0  # of the stored row

    @property
    def row_count(self) -> int:
        """Rows of the account in it."""
        return max(1, len(self.positions))

    @property
    def err_row(self) -> str:
        """Where in the record: ``values[17]``, ``values[3..8],values[20]``; empty where the record is one row."""
        return row_names(self.positions)


_COLUMNS = "source topic src_partition src_offset err_row code detail meter_id record_ts positions row_count record_key"
COLUMNS = (*_COLUMNS.split(), "record_value", "record_headers", "held_at", "due_at", "state")
_SELECT = f"SELECT quarantine_no, {', '.join(COLUMNS)} FROM quarantine"
_NEXT = " AND quarantine_no > :after ORDER BY quarantine_no LIMIT :limit FOR UPDATE SKIP LOCKED"
# A cause that the registry may have removed. A row of an unknown meter waits for that meter.
REGISTRY_CAUSES = text(
    _SELECT + " WHERE state = 'held' AND (code IN ('multiplier_unknown', 'multiplier_mismatch', 'scale_suspect')"
    " OR code = 'unknown_meter' AND (meter_id IS NULL OR meter_id IN (SELECT meter_id FROM meters)))" + _NEXT
)
CLOCK_CAUSES = text(_SELECT + " WHERE state = 'held' AND due_at <= :now" + _NEXT)
EXPIRED = text(_SELECT + " WHERE state = 'held' AND held_at < :before" + _NEXT)
DEAD_LETTERS = text(_SELECT + " WHERE state = 'rejected'" + _NEXT)
SETTLE = text("UPDATE quarantine SET state = :state WHERE quarantine_no = ANY(:numbers)")
BURY = text("UPDATE quarantine SET state = 'dead', record_value = NULL WHERE quarantine_no = ANY(:numbers)")
DROP = text("DELETE FROM quarantine WHERE quarantine_no = ANY(:numbers)")
DEAD_SIZES = text(
    "SELECT coalesce(length(record_value), 0) FROM quarantine WHERE state = 'rejected'"
    " ORDER BY quarantine_no LIMIT :limit"
)
HELD_ROWS = text("SELECT coalesce(sum(row_count), 0) FROM quarantine WHERE state = 'held' AND source = :source")
CAP_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended(:source, 0))")
FORGET = text("DELETE FROM quarantine WHERE state IN ('replayed', 'dead') AND held_at < :before")


def row_names(positions: Sequence[int]) -> str:
    """Positions in a record as text, neighbours as ranges; at most some 2,000 characters, then ``…``."""
    parts: list[str] = []
    start = previous = -2
    for position in [*sorted(positions), -9]:
        if position == previous + 1:
            previous = position
            continue
        if start >= 0:
            parts.append(f"values[{start}]" if start == previous else f"values[{start}..{previous}]")
        start = previous = position
    return ",".join(parts) if len(parts) <= 100 else ",".join(parts[:100]) + ",…"


async def add_entries(connection: AsyncConnection, entries: Sequence[Entry]) -> None:
    """Append entries."""
    if entries:
        await copy_records_in(connection, "quarantine", COLUMNS, map(_as_record, entries))


async def held_rows(connection: AsyncConnection, source: str) -> int:
    """Rows in quarantine of a source. Until the caller commits nobody else is told this number: what is added by it
    cannot pass a cap. Ask for sources in order."""
    await connection.execute(CAP_LOCK, {"source": f"quarantine of {source}"})
    return int(await connection.scalar(HELD_ROWS, {"source": source}) or 0)


async def take_registry_causes(connection: AsyncConnection, after: int, limit: int) -> list[Entry]:
    """Held entries whose cause the registry may have removed, locked, in order from ``after``."""
    return await _take(connection, REGISTRY_CAUSES, after, limit)


async def awaits_known_meter(connection: AsyncConnection) -> bool:
    """Whether rows are held for an unknown meter that the registry has learned: ingest is about to take them in."""
    found = await connection.scalar(
        text(
            "SELECT EXISTS (SELECT 1 FROM quarantine q JOIN meters m ON m.meter_id = q.meter_id"
            " WHERE q.state = 'held' AND q.code = 'unknown_meter')"
        )
    )
    return bool(found)


async def take_clock_causes(connection: AsyncConnection, now_s: float, after: int, limit: int) -> list[Entry]:
    """Held entries whose cause time has removed, locked."""
    return await _take(connection, CLOCK_CAUSES, after, limit, now=_time(now_s))


async def take_expired(connection: AsyncConnection, before_s: float, after: int, limit: int) -> list[Entry]:
    """Entries held since before a time, locked."""
    return await _take(connection, EXPIRED, after, limit, before=_time(before_s))


async def take_dead_letters(connection: AsyncConnection, limit: int, most_bytes: int) -> list[Entry]:
    """Refused entries that the dead-letter topic has not got yet, locked; of huge ones fewer, but one at least."""
    sizes = (await connection.execute(DEAD_SIZES, {"limit": limit})).scalars().all()
    few = sum(size <= most_bytes for size in accumulate(sizes))
    return await _take(connection, DEAD_LETTERS, 0, max(few, 1))


async def settle_entries(connection: AsyncConnection, numbers: Iterable[int], state: State) -> None:
    """Move stored entries to a state."""
    await connection.execute(SETTLE, {"state": str(state), "numbers": list(numbers)})


async def bury(connection: AsyncConnection, numbers: Iterable[int]) -> None:
    """The dead-letter topic has them, and their bytes: keep only what and why."""
    await connection.execute(BURY, {"numbers": list(numbers)})


async def drop_entries(connection: AsyncConnection, numbers: Iterable[int]) -> None:
    """Remove entries that others have replaced."""
    await connection.execute(DROP, {"numbers": list(numbers)})


async def forget_old(connection: AsyncConnection, before_s: float) -> int:
    """Remove entries that are done with and were held before a time; their count stays in the account."""
    return int((await connection.execute(FORGET, {"before": _time(before_s)})).rowcount)


async def _take(connection: AsyncConnection, query: Any, after: int, limit: int, **more: object) -> list[Entry]:
    found = await connection.execute(query, {"after": after, "limit": limit, **more})
    return [_entry(row) for row in found]


def _as_record(entry: Entry) -> tuple[object, ...]:
    headers = [[name, base64.b64encode(value or b"").decode()] for name, value in entry.headers]
    return (
        entry.source,
        entry.topic,
        entry.part,
        entry.offset,
        entry.err_row,
        entry.code,
        _clean(entry.detail),
        None if entry.meter_id is None else _clean(entry.meter_id),
        _time(entry.record_ms / 1000),
        list(entry.positions),
        entry.row_count,
        entry.key,
        entry.value,
        json.dumps(headers),
        _time(entry.held_s),
        None if entry.due_s is None else _time(entry.due_s),
        str(entry.state),
    )


def _entry(row: Row[Any]) -> Entry:
    stored = row._mapping
    return Entry(
        source=stored["source"],
        topic=stored["topic"],
        part=stored["src_partition"],
        offset=stored["src_offset"],
        code=stored["code"],
        detail=stored["detail"],
        record_ms=round(stored["record_ts"].timestamp() * 1000),
        held_s=stored["held_at"].timestamp(),
        positions=tuple(stored["positions"]),
        meter_id=stored["meter_id"],
        due_s=None if stored["due_at"] is None else stored["due_at"].timestamp(),
        key=stored["record_key"],
        value=stored["record_value"],
        headers=tuple((name, base64.b64decode(value)) for name, value in stored["record_headers"]),
        state=State(stored["state"]),
        number=stored["quarantine_no"],
    )


def _clean(text_: str) -> str:
    """What PostgreSQL's text can hold: no NUL, no lone surrogate; at most 1,000 characters."""
    return text_.replace("\x00", "\ufffd").encode("utf-8", "replace").decode()[:1000]


def _time(epoch_s: float) -> datetime:
    """The time, kept within the years that both sides can hold."""
    return datetime.fromtimestamp(min(max(epoch_s, -62135596800.0), 253402214400.0), UTC)
