"""Slots of sources that are to be counted again, as passes asked for it."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

I64 = npt.NDArray[np.int64]
#: Source, first and last slot.
SourceSpan = tuple[str, int, int]


async def thin_source_slots(
    connection: AsyncConnection, first: I64, last: I64, share: float, plants: float
) -> list[SourceSpan]:
    """Decided slots within spans [first, last] at which a source was down, or fewer than ``share`` of its meters spoke
    and it has as many plants as ``plants``."""
    rows = await connection.execute(
        text(
            "SELECT DISTINCT s.source, s.slot FROM unnest(CAST(:first AS bigint[]), CAST(:last AS bigint[]))"
            " AS span(first_slot, last_slot) JOIN source_slots s ON s.slot BETWEEN span.first_slot AND span.last_slot"
            " WHERE s.is_down OR (s.plants >= CAST(:plants AS double precision)"
            " AND s.evidence < CAST(:share AS double precision) * s.meters)"
        ),
        {"first": first.tolist(), "last": last.tolist(), "share": share, "plants": plants},
    )
    return [(source, slot, slot) for source, slot in rows]


async def ask(connection: AsyncConnection, spans: Sequence[SourceSpan]) -> None:
    """Ask for spans; the caller commits. None waits for another."""
    if spans:
        await connection.execute(
            text("INSERT INTO recounts (source, first_slot, last_slot) VALUES (:source, :first, :last)"),
            [{"source": source, "first": first, "last": last} for source, first, last in spans],
        )


async def is_any_asked(connection: AsyncConnection) -> bool:
    """Whether there is anything to count again."""
    return bool(await connection.scalar(text("SELECT EXISTS (SELECT FROM recounts)")))


async def take(connection: AsyncConnection) -> list[SourceSpan]:
    """Take all that was asked for of sources that are ticked, up to their last tick: the next one counts what lies
    behind it. The caller holds the ticks and commits."""
    rows = await connection.execute(
        text(
            "DELETE FROM recounts r USING ticks t WHERE t.source = r.source"
            " RETURNING r.source, r.first_slot, least(r.last_slot, t.next_slot - 1)"
        )
    )
    return [(source, first, last) for source, first, last in rows]
