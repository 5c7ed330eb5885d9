"""The streaming side of the identity: readings taken in and judged in the database, in any order and in any pieces."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from consumers.evaluate import Evaluator
from consumers.marks import marks_of
from consumers.transaction import factors
from detectors.days import coverage, load_kw, unpacked_row
from detectors.readings import ReadingColumns
from detectors.registry import Registry
from detectors.vocab import CloseReason, Condition, Evidence, Reason, Rule, Scale, Verdict
from service.clock import VirtualClock
from service.db.marks import add_marks
from service.db.meter_index import load_meter_index
from service.db.packed_days import PACKED
from service.db.partitions import ensure_partitions
from service.db.readings import Arrived, store
from service.db.registry import apply_registry
from service.settings import Settings
from tests.cases.fast import columns_of
from tests.oracles.rows import AlertRow, DayRow, Judgement, Reading, SlotRow


class Stream:
    """One database fed by hand: what the consumers do, without a broker."""

    def __init__(self, engine: AsyncEngine, slot_s: int, begin_s: int) -> None:
        self._engine, self._slot_s = engine, slot_s
        self._clock = VirtualClock(begin_s)
        self._evaluator = Evaluator(engine, Settings(slot_s=slot_s, coalesce_s=0.0), self._clock)

    async def start(self, registry: Registry) -> None:
        """Import the registry and claim a cursor."""
        async with self._engine.begin() as connection:
            await apply_registry(connection, registry, self._clock.now(), slot_s=self._slot_s)
            await connection.execute(
                text("INSERT INTO cursors (topic, part, next_offset, watermark) VALUES ('t', 0, 0, :now)"),
                {"now": datetime.fromtimestamp(self._clock.now(), UTC)},
            )

    async def change(self, registry: Registry) -> None:
        """Import a registry while the stream runs."""
        async with self._engine.begin() as connection:
            await apply_registry(connection, registry, self._clock.now(), slot_s=self._slot_s)

    async def take_in(self, registry: Registry, readings: Sequence[Reading]) -> None:
        """Store readings in one transaction with their marks."""
        if not readings:
            return
        columns = columns_of(registry, readings)
        async with self._engine.begin() as connection:
            index = await load_meter_index(connection)
            numbers = np.array([index.meter_no[index.rows[m.meter_id]] for m in registry.meters], np.int32)
            mine = ReadingColumns(numbers[columns.meter], *(getattr(columns, n) for n in columns.__slots__[1:]))
            days = [datetime.fromtimestamp(int(t), UTC).date() for t in (mine.ts.min(), mine.ts.max())]
            await ensure_partitions(connection, days[0], days[1])
            factor_at = factors(index)
            secondary = mine.scale == Scale.SECONDARY
            factor = np.where(secondary, factor_at(mine.meter, mine.ts), 1.0)
            known = ~np.isnan(factor)
            kept, n = mine.take(known), int(known.sum())
            arrived = Arrived(kept, factor[known], np.zeros(n, np.int32), np.arange(n, dtype=np.int64))
            stored = await store(connection, arrived, factor_at)
            await add_marks(connection, *marks_of(stored.changed, index, self._slot_s))

    async def advance_to(self, as_of: int) -> None:
        """Move the clock, and the stream's time with it."""
        self._clock.advance_to(as_of)
        async with self._engine.begin() as connection:
            await connection.execute(
                text("UPDATE cursors SET watermark = :now"), {"now": datetime.fromtimestamp(as_of, UTC)}
            )

    async def judge_until(self, as_of: int) -> None:
        """Move the clock and judge all that is due."""
        await self.advance_to(as_of)
        # A step does not see the marks of its own tick: nothing is left only when the next one finds nothing either.
        while await self._evaluator.step() is not None or await self._evaluator.step() is not None:
            pass

    async def step(self) -> None:
        """Judge what one step of evaluation judges; passes may go on behind it."""
        await self._evaluator.step()

    async def end(self) -> None:
        """Let them come to their end."""
        await self._evaluator.end()

    async def judgement(self) -> Judgement:
        """What stands in the database."""
        async with self._engine.connect() as connection:
            days = (
                await connection.execute(
                    text(
                        f"SELECT s.scope_id, d.*, {PACKED} AS packed_day FROM scope_days d"
                        " JOIN scopes s USING (scope_no) ORDER BY 1, d.day"
                    )
                )
            ).mappings()
            alerts = (
                await connection.execute(text("SELECT live FROM alerts WHERE condition <> 'retracted'"))
            ).scalars()
            slot_rows: list[SlotRow] = []
            day_rows: list[DayRow] = []
            for d in days:
                slot_rows += _slots(d, self._slot_s)
                day_rows.append(
                    DayRow(
                        d["scope_id"],
                        d["day"],
                        None if d["energy_wh"] is None else d["energy_wh"] / 1000,
                        None if d["cap_wh"] is None else d["cap_wh"] / 1000,
                        d["coverage"],
                        Verdict(d["verdict"]),
                        frozenset(r for r in Reason if d["reasons"] & r),
                        d["order_id"],
                        d["violating_slots"] * self._slot_s / 3600,
                    )
                )
            rows = [_alert(a if isinstance(a, dict) else json.loads(a)) for a in alerts]
        rows.sort(key=lambda a: (a.scope_id, a.rule, a.order_id or "", a.first_slot_end))
        return Judgement(tuple(slot_rows), tuple(day_rows), tuple(rows))


def _slots(row: Mapping[Any, Any], slot_s: int) -> list[SlotRow]:
    slots = unpacked_row(row["packed_day"])
    loads, covered = load_kw(slots, slot_s), coverage(slots)
    return [
        SlotRow(
            row["scope_id"],
            (row["first_slot"] + t + 1) * slot_s,
            None if np.isnan(loads[t]) else float(loads[t]),
            float(covered[t]),
            None if np.isnan(slots["cap_kw"][t]) else float(slots["cap_kw"][t]),
            Verdict(int(slots["verdict"][t])),
            frozenset(r for r in Reason if int(slots["reasons"][t]) & r),
            row["order_ids"][slots["order"][t]] if slots["order"][t] >= 0 else None,
            None,
        )
        for t in range(len(slots))
    ]


def _alert(view: dict[str, object]) -> AlertRow:
    def end(name: str) -> int | None:
        value = view[name]
        return None if value is None else int(datetime.fromisoformat(str(value)).timestamp())

    def number(name: str) -> float | None:
        value = view[name]
        return None if value is None else float(str(value))

    reason = view["close_reason"]
    return AlertRow(
        alert_id=str(view["id"]),
        scope_id=str(view["scope_id"]),
        plant_id=str(view["plant_id"] or ""),
        rule=Rule(str(view["rule"])),
        grade=int(str(view["grade"])),
        order_id=None if view["order_id"] is None else str(view["order_id"]),
        condition=Condition(str(view["condition"])),
        first_slot_end=end("first_slot_end") or 0,
        opened_at_slot_end=end("opened_at_slot_end") or 0,
        last_slot_end=end("last_slot_end") or 0,
        closed_slot_end=end("closed_slot_end"),
        peak_kw=number("peak_kw"),
        cap_kw=number("cap_kw"),
        energy_over_kwh=number("energy_over_kwh"),
        coverage=number("coverage") or 0.0,
        evidence=Evidence.PROVISIONAL,
        close_reason=None if reason is None else CloseReason(str(reason)),
        order_revision=None if view["order_revision"] is None else int(str(view["order_revision"])),
        baseline_version=None if view["baseline_version"] is None else str(view["baseline_version"]),
    )
