"""What a database holds of readings, in the words of the fold of the topic."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from detectors.vocab import Kind, Quality, Scale
from tests.faults.topic_log import Folded, Key, Value

Row = Mapping[Any, Any]


@dataclass(frozen=True, slots=True)
class Stored:
    """rows: the standing reading of each key. conflicts: the values that are not, with their collection time (ms)."""

    rows: Mapping[Key, Row]
    conflicts: dict[tuple[Key, Value], int]

    @property
    def standing(self) -> dict[Key, tuple[Value, int, bool]]:
        """As ``Folded.standing``."""
        return {key: (value_of_row(r), coll_ms(r), r["had_evidence"]) for key, r in self.rows.items()}


async def read_stored(connection: AsyncConnection) -> Stored:
    """All readings and conflicts."""
    readings = await connection.execute(text("SELECT meter_id, r.* FROM readings r JOIN meters USING (meter_no)"))
    rows = {key_of_row(r): r for r in readings.mappings()}
    conflicts = await connection.execute(
        text("SELECT meter_id, c.* FROM reading_conflicts c JOIN meters USING (meter_no)")
    )
    return Stored(rows, {(key_of_row(r), value_of_row(r)): coll_ms(r) for r in conflicts.mappings()})


def unlike(stored: Stored, folded: Folded) -> list[str]:
    """Where readings are not the fold, in words."""
    rows = stored.standing
    found = [f"reading {k} is missing" for k in folded.standing if k not in rows]
    found += [f"reading {k} is too many" for k in rows if k not in folded.standing]
    found += [f"reading {k} is {rows[k]}, not {w}" for k, w in folded.standing.items() if rows.get(k, w) != w]
    return found + [f"conflict on one side only: {c}" for c in stored.conflicts.items() ^ folded.conflicts.items()]


def key_of_row(row: Row) -> Key:
    """What the row is a value of."""
    return row["meter_id"], Kind(row["kind"]), int(row["ts"].timestamp())


def value_of_row(row: Row) -> Value:
    """What makes two rows of a key the same."""
    value = None if row["value"] != row["value"] else row["value"]
    return value, Quality(row["q"]), row["rev"], Scale(row["scale"]), row["period_s"]


def coll_ms(row: Row) -> int:
    """Collection time, epoch milliseconds."""
    coll: datetime = row["coll"]
    return round(coll.timestamp() * 1000)
