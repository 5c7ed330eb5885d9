"""Silence made visible: which slots are due for judgement though nothing arrived, and which sources are down."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from service.db.copying import as_rows, copy_in, row_dtype

I64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]

_DUE_COLUMNS = ("scope_no", "first_slot", "last_slot", "due_slot")
_DUE = row_dtype([("scope_no", ">i4"), ("first_slot", ">i8"), ("last_slot", ">i8"), ("due_slot", ">i8")])


async def next_slots(connection: AsyncConnection, *, wait: bool = True) -> dict[str, int]:
    """First slot of each source that was not ticked yet; locked until the caller commits. Without ``wait`` an error
    that ``writing`` turns into ContentionError where another has them."""
    statement = "SELECT source, next_slot FROM ticks ORDER BY source FOR UPDATE" + ("" if wait else " NOWAIT")
    rows = await connection.execute(text(statement))
    return {row[0]: row[1] for row in rows}


async def decided_before(connection: AsyncConnection) -> dict[str, int]:
    """The same without a lock: a tick may be at work."""
    rows = await connection.execute(text("SELECT source, next_slot FROM ticks"))
    return {row[0]: row[1] for row in rows}


async def first_slots(connection: AsyncConnection) -> dict[str, int]:
    """First slot of each source that was counted; what is put away does not count."""
    rows = await connection.execute(
        text(
            "SELECT source, first FROM ticks,"
            " LATERAL (SELECT min(slot) AS first FROM source_slots s WHERE s.source = ticks.source) counted"
            " WHERE first IS NOT NULL"
        )
    )
    return {row[0]: row[1] for row in rows}


async def advance(connection: AsyncConnection, next_slot: Mapping[str, int]) -> None:
    """Move the ticks on."""
    if next_slot:
        await connection.execute(
            text(
                "INSERT INTO ticks (source, next_slot) VALUES (:source, :slot)"
                " ON CONFLICT (source) DO UPDATE SET next_slot = greatest(ticks.next_slot, excluded.next_slot)"
            ),
            [{"source": source, "slot": slot} for source, slot in sorted(next_slot.items())],
        )


async def mark_due(connection: AsyncConnection, scope_no: I64, first_slot: I64, last_slot: I64) -> None:
    """Mark slots [first_slot, last_slot] of scopes as due: ``data_as_of`` waits for these."""
    columns = {"first_slot": first_slot, "last_slot": last_slot, "due_slot": first_slot}
    rows = as_rows(_DUE, {"scope_no": scope_no.astype(np.int32)} | columns)
    await copy_in(connection, "dirty_scopes", list(_DUE_COLUMNS), rows)


async def save_source_slots(
    connection: AsyncConnection, source: str, first_slot: int, meters: I64, evidence: I64, plants: int, down: Bool
) -> None:
    """Write the state of a source over slots from ``first_slot`` on. evidence: meters that spoke, at least; exact
    where they are few."""
    await connection.execute(
        text(
            "INSERT INTO source_slots (source, slot, meters, evidence, plants, is_down)"
            " SELECT :source, slot, meters, evidence, :plants, is_down FROM unnest(CAST(:a AS bigint[]),"
            " CAST(:b AS integer[]), CAST(:c AS integer[]), CAST(:d AS boolean[]))"
            " AS r(slot, meters, evidence, is_down)"
            " ON CONFLICT (source, slot) DO UPDATE SET meters = excluded.meters, evidence = excluded.evidence,"
            " plants = excluded.plants, is_down = excluded.is_down"
        ),
        {
            "source": source,
            "plants": plants,
            "a": list(range(first_slot, first_slot + len(meters))),
            "b": meters.tolist(),
            "c": evidence.tolist(),
            "d": down.tolist(),
        },
    )


async def source_slots(connection: AsyncConnection, source: str, first_slot: int, n: int) -> npt.NDArray[np.int64]:
    """What is stored of n slots of a source: meters, evidence, plants, and whether it is down, [n, 4]; -1 where a slot
    was not decided yet."""
    stored = np.full((n, 4), -1, np.int64)
    rows = await connection.execute(
        text(
            "SELECT slot, meters, evidence, plants, is_down::integer FROM source_slots"
            " WHERE source = :source AND slot BETWEEN :first AND :last"
        ),
        {"source": source, "first": first_slot, "last": first_slot + n - 1},
    )
    for slot, *values in rows:
        stored[slot - first_slot] = values
    return stored


async def down_slots(connection: AsyncConnection, first_slot: int, last_slot: int) -> list[tuple[str, int]]:
    """(source, slot) of every slot in the span at which a source was down."""
    rows = await connection.execute(
        text("SELECT source, slot FROM source_slots WHERE is_down AND slot BETWEEN :first AND :last"),
        {"first": first_slot, "last": last_slot},
    )
    return [(source, slot) for source, slot in rows]


async def source_history(connection: AsyncConnection, source: str) -> tuple[dict[int, float], int | None]:
    """Every slot at which a source was down, in order, with the share of meters that spoke; its last decided slot."""
    rows = await connection.execute(
        text(
            "SELECT slot, evidence / greatest(meters, 1)::double precision FROM source_slots"
            " WHERE source = :source AND is_down ORDER BY slot"
        ),
        {"source": source},
    )
    slots = {row[0]: row[1] for row in rows}
    last = await connection.scalar(
        text("SELECT max(slot) FROM source_slots WHERE source = :source"), {"source": source}
    )
    return slots, last
