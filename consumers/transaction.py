"""One partition batch in one transaction: cursor and effects together, or neither (RELIABILITY §2)."""

from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

import numpy as np
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from consumers.marks import marks_of
from consumers.prepare import Prepared
from detectors.errors import CuofengError
from detectors.readings import F64, I32, I64
from service.db import cursors, quarantine
from service.db.account import Line, add_lines
from service.db.marks import add_marks
from service.db.meter_index import MeterIndex, registry_version
from service.db.optimism import Optimism
from service.db.quarantine import Entry, State
from service.db.readings import Stored, store
from service.db.sessions import writing

#: Told before each step of a batch; tests stop the world there.
OnStep = Callable[[str], Awaitable[None]]
STEPS = ("begun", "cursor", "readings", "quarantine", "marks", "account", "committed")


class FencedError(CuofengError):
    """Somebody else owns the partition, or its cursor stands elsewhere: nothing of the batch was written."""


class StaleIndexError(CuofengError):
    """The registry changed since the batch was prepared: nothing was written; prepare it anew."""


@dataclass(frozen=True, slots=True)
class Move:
    """A cursor's step. end_offset: the partition's end where known."""

    topic: str
    part: int
    epoch: int
    from_offset: int
    to_offset: int
    watermark_s: float
    now_s: float
    end_offset: int | None = None


async def no_step(_step: str) -> None:
    """Nothing happens between the steps."""


async def commit_batch(
    engine: AsyncEngine,
    move: Move,
    batch: Prepared,
    *,
    slot_s: int,
    quarantine_cap: int,
    optimism: Optimism | None = None,
    on_step: OnStep = no_step,
) -> Counter[Line]:
    """Write a batch; returns its lines of the account.

    Raises:
        FencedError, StaleIndexError: nothing was written.
        ContentionError: nothing was written; again in a fresh transaction.
        InfrastructureError: outcome unknown; read the cursor before anything else.
        service.db.copying.DataError, sqlalchemy.exc.DBAPIError: the database refuses the data; nothing was written.
    """
    async with writing(engine) as connection:
        await on_step("begun")
        moved = await cursors.advance(
            connection,
            topic=move.topic,
            part=move.part,
            epoch=move.epoch,
            from_offset=move.from_offset,
            to_offset=move.to_offset,
            end_offset=move.end_offset,
            watermark_s=move.watermark_s,
            now_s=move.now_s,
        )
        if not moved:
            raise FencedError(f"partition {move.part}: offset {move.from_offset} of epoch {move.epoch} is not ours")
        await on_step("cursor")
        batch = replace(batch, entries=await capped(connection, batch.entries, quarantine_cap))
        if await registry_version(connection, lock=True) != batch.index.version:
            raise StaleIndexError("the registry has changed")
        stored = await store_and_mark(connection, batch, slot_s=slot_s, optimism=optimism, on_step=on_step)
        lines = batch.lines(stored.fate)
        await add_lines(connection, lines)
        await on_step("account")
    await on_step("committed")
    return lines


async def store_and_mark(
    connection: AsyncConnection,
    batch: Prepared,
    *,
    slot_s: int,
    optimism: Optimism | None = None,
    on_step: OnStep = no_step,
) -> Stored:
    """Readings in, what they touch marked, entries held or refused."""
    stored = await store(connection, batch.ready or batch.arrived, factors(batch.index), optimism)
    await on_step("readings")
    await quarantine.add_entries(connection, batch.entries)
    await on_step("quarantine")
    if batch.marks is None or batch.ready is None or stored.changed is not batch.ready.changed:
        await add_marks(connection, *marks_of(stored.changed, batch.index, slot_s))
    else:
        await add_marks(connection, *batch.marks)
    await on_step("marks")
    return stored


def factors(index: MeterIndex) -> Callable[[I32, I64], F64]:
    """Multiplier by meter number and time."""

    def factor_at(meter_no: I32, ts: I64) -> F64:
        row = index.rows_of_numbers(meter_no)
        return np.where(row >= 0, index.factor_at(row, ts), np.nan)

    return factor_at


async def capped(connection: AsyncConnection, entries: list[Entry], cap: int) -> list[Entry]:
    """The entries, those beyond the cap of their source refused instead of held (RELIABILITY §2)."""
    sources = sorted({entry.source for entry in entries if entry.state is State.HELD})
    room = {source: cap - await quarantine.held_rows(connection, source) for source in sources}
    result = []
    for entry in entries:
        if entry.state is State.HELD:
            room[entry.source] -= entry.row_count
            if room[entry.source] < 0:
                entry = replace(entry, state=State.REJECTED, detail=f"quarantine is full ({cap}): {entry.detail}")
        result.append(entry)
    return result
