"""Held rows are read again when their cause may be gone: the registry changed, time passed, or their time is over.

The same decoding, the same checks and the same store as for new records; the account moves with the rows, so that its
equation holds before and after.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace

import numpy as np
from sqlalchemy.ext.asyncio import AsyncConnection

from consumers.checks import arrived_of, check, faults_of
from consumers.ports import StoredRecord
from consumers.prepare import Prepared, hour_of, line_of
from consumers.records import Caches, decode
from consumers.strict import RecordFault
from consumers.transaction import StaleIndexError, store_and_mark
from consumers.writer import Writer
from detectors.quality import QUARANTINE_FAULTS, Fault
from detectors.vocab import code
from service.db import quarantine
from service.db.account import Line, add_lines
from service.db.meter_index import MeterIndex, registry_version
from service.db.quarantine import Entry, State
from service.db.sessions import writing

Take = Callable[[AsyncConnection, int, int], Awaitable[list[Entry]]]
ENTRIES_AT_ONCE = 200
DAY_S = 86400.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """Held entries read again. replaced: what each entry that changed became, by its place."""

    batch: Prepared
    of_row: "np.ndarray[tuple[int], np.dtype[np.int64]]"  # place of the entry of each arrived row
    replaced: dict[int, list[Entry]]


@dataclass(slots=True, eq=False)
class Rechecker:
    """Reads held rows again, some at a time, each time in one transaction. Several processes may do so at once."""

    writer: Writer
    _caches: Caches = field(default_factory=Caches)

    async def registry_causes(self) -> int:
        """Rows that a changed registry may have made good; how many went in."""
        return await self._all(quarantine.take_registry_causes)

    async def clock_causes(self) -> int:
        """Rows that lay in the future; how many went in."""
        now_s = self.writer.clock.now()
        return await self._all(lambda c, after, limit: quarantine.take_clock_causes(c, now_s, after, limit))

    async def expire(self) -> int:
        """Rows held for too long become dead letters; how many entries."""
        before_s = self.writer.clock.now() - self.writer.settings.quarantine_days * DAY_S
        count = 0
        while True:
            async with writing(self.writer.engine) as connection:
                entries = await quarantine.take_expired(connection, before_s, 0, ENTRIES_AT_ONCE)
                if not entries:
                    return count
                lines: Counter[Line] = Counter()
                for entry in entries:
                    lines[line_of(entry)] -= entry.row_count
                    lines[line_of(replace(entry, state=State.REJECTED))] += entry.row_count
                await quarantine.settle_entries(connection, [e.number for e in entries], State.REJECTED)
                await add_lines(connection, lines)
                count += len(entries)

    async def forget(self) -> int:
        """Entries that are done with, after the same time; how many."""
        before_s = self.writer.clock.now() - self.writer.settings.quarantine_days * DAY_S
        async with writing(self.writer.engine) as connection:
            return await quarantine.forget_old(connection, before_s)

    async def _all(self, take: Take) -> int:
        after, count = 0, 0
        while True:
            try:
                done = await self._some(take, after)
            except StaleIndexError:
                await self.writer.reload_index()
                continue
            if done is None:
                return count
            after, went_in = done
            count += went_in

    async def _some(self, take: Take, after: int) -> tuple[int, int] | None:
        index = self.writer.index
        async with writing(self.writer.engine) as connection:
            if await registry_version(connection, lock=True) != index.version:
                raise StaleIndexError("the registry has changed")
            entries = await take(connection, after, ENTRIES_AT_ONCE)
            if not entries:
                return None
            verdict = await asyncio.to_thread(self._read_again, entries, index)
            await self.writer.ensure_months(verdict.batch)
            stored = await store_and_mark(connection, verdict.batch, slot_s=self.writer.settings.slot_s)
            lines = verdict.batch.lines(stored.fate)
            went_in = set(verdict.of_row.tolist())
            for place in verdict.replaced:
                lines[line_of(entries[place])] -= entries[place].row_count
            done = [entries[place].number for place in verdict.replaced if place in went_in]
            gone = [entries[place].number for place in verdict.replaced if place not in went_in]
            await quarantine.settle_entries(connection, done, State.REPLAYED)
            await quarantine.drop_entries(connection, gone)
            await add_lines(connection, lines)
        self.writer.metrics.replayed.inc(len(verdict.of_row))
        return entries[-1].number, len(verdict.of_row)

    def _read_again(self, entries: list[Entry], index: MeterIndex) -> Verdict:
        """What the registry and the clock of today make of the entries."""
        limits, clock_s = self.writer.limits, int(self.writer.clock.now())
        stamps = np.array([e.record_ms for e in entries], np.int64)
        records = [StoredRecord(e.offset, e.record_ms, e.key, e.value, e.headers) for e in entries]
        decoded = decode(records, index, self._caches, stamps)
        wanted = [frozenset(e.positions) or frozenset((-1,)) for e in entries]
        pairs = zip(decoded.rows.record.tolist(), decoded.rows.position.tolist(), strict=True)
        rows = decoded.rows.take(np.array([position in wanted[record] for record, position in pairs], np.bool_))
        was_future = np.array([e.code == code(Fault.FUTURE_TS) for e in entries], np.bool_)
        now_s = np.where(was_future, np.maximum(stamps // 1000, clock_s), stamps // 1000)
        checked, factor = check(rows, now_s[rows.record], index, limits)
        good = np.flatnonzero(checked.code == Fault.ACCEPTED)
        kept = rows.take(good)
        arrived = arrived_of(
            kept,
            checked,
            good,
            factor,
            index,
            np.array([e.part for e in entries], np.int32)[kept.record],
            np.array([e.offset for e in entries], np.int64)[kept.record],
        )
        became: dict[int, list[Entry]] = {place: [] for place in set(kept.record.tolist())}
        for fault in decoded.faults:
            still = frozenset(fault.positions or (-1,)) & wanted[fault.record]
            if still:
                positions = tuple(sorted(p for p in still if p >= 0))
                self._became(became, entries, replace(fault, positions=positions), None)
        place = rows.record.astype(np.int32)
        for fault, _place, due_s in faults_of(rows, checked, place, decoded.unknown, limits):
            self._became(became, entries, fault, due_s)
        unchanged = {p for p, new in became.items() if len(new) == 1 and _is_same(new[0], entries[p])}
        replaced = {p: new for p, new in became.items() if p not in unchanged or p in set(kept.record.tolist())}
        batch = Prepared(
            index=index,
            arrived=arrived,
            line_keys=[(e.source, hour_of(e.record_ms)) for e in entries],
            line=kept.record.astype(np.int64),
            entries=[entry for new in replaced.values() for entry in new],
            refused=frozenset(),
            flags={},
            lateness_s=np.empty(0, np.int64),
        )
        return Verdict(batch, kept.record.astype(np.int64), replaced)

    @staticmethod
    def _became(became: dict[int, list[Entry]], entries: list[Entry], fault: RecordFault, due_s: float | None) -> None:
        old = entries[fault.record]
        state = State.HELD if fault.code in QUARANTINE_FAULTS else State.REJECTED
        became.setdefault(fault.record, []).append(
            replace(
                old,
                code=code(fault.code),
                detail=fault.detail,
                positions=fault.positions,
                meter_id=fault.meter_id,
                due_s=due_s,
                state=state,
                number=0,
            )
        )


def _is_same(new: Entry, old: Entry) -> bool:
    return (new.code, new.positions, new.state) == (old.code, old.positions, old.state)
