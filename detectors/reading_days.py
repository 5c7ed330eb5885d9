"""Readings of a long span, held by day in narrow columns; each day is resolved to its winners by itself.

A season of 2,000 meters holds 23 million readings: what is alike in all readings of a bucket is held once, times count
from its beginning, and a bucket is small enough to be sorted in cache.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from detectors.readings import I32, I64, Bool, ReadingColumns, narrow, winners
from detectors.slots import DAY_S, instant, local_date
from detectors.vocab import Kind, Scale
from detectors.world import World, rows_of


@dataclass(frozen=True, slots=True)
class _Bucket:
    """Some readings of a day: those whose time lies in ``(begin_s, begin_s + DAY_S]``."""

    begin_s: int
    second: I32  # ts after begin_s
    delay_ms: npt.NDArray[Any] | None  # coll after ts; None where nothing is left to be decided by it
    rest: ReadingColumns  # ts and coll stand for nothing here

    @staticmethod
    def of(readings: ReadingColumns, begin_s: int, *, is_won: bool = False) -> "_Bucket":
        """Copies: a slice would keep its whole batch in memory."""
        delay_ms: npt.NDArray[Any] | None = None
        if not is_won:
            delay_ms = readings.coll - readings.ts * 1000
            if np.abs(delay_ms).max(initial=0) <= np.iinfo(np.int32).max:
                delay_ms = delay_ms.astype(np.int32)
            delay_ms = narrow(delay_ms)
        nothing = np.broadcast_to(np.int64(0), len(readings))
        kept = ReadingColumns(
            narrow(readings.meter),
            narrow(readings.kind),
            nothing,
            narrow(readings.value),
            narrow(readings.q),
            narrow(readings.rev),
            nothing,
            narrow(readings.scale),
            narrow(readings.period_s),
            narrow(readings.had_evidence),
        )
        return _Bucket(begin_s, (readings.ts - begin_s).astype(np.int32), delay_ms, kept)

    def columns(self, rows: Any = slice(None)) -> ReadingColumns:
        """Some of the readings, as everything else takes them; coll only where it still decides something."""
        found = replace(self.rest.take(rows), ts=self.second[rows] + np.int64(self.begin_s))
        return found if self.delay_ms is None else replace(found, coll=found.ts * 1000 + self.delay_ms[rows])


class ReadingDays:
    """Readings in, in any order; winners near a local day out."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._added: dict[int, list[_Bucket]] = defaultdict(list)
        self._won: dict[int, _Bucket] = {}
        self._midnight_s: int | None = None
        self._is_long = np.zeros(len(world.registry.meters), np.bool_)
        self.first_ts: int | None = None
        self.last_ts: int | None = None
        self.lost = 0  # readings that did not win, as far as days are resolved

    @staticmethod
    def of(world: World, readings: ReadingColumns) -> "ReadingDays":
        """One batch of readings, meter = rows of the registry."""
        days = ReadingDays(world)
        days.add(readings)
        return days

    def add(self, readings: ReadingColumns) -> None:
        """Take in a batch; ``resolved`` must not have begun."""
        if len(readings) == 0:
            return
        first, last = int(readings.ts.min()), int(readings.ts.max())
        self.first_ts = first if self.first_ts is None else min(first, self.first_ts)
        self.last_ts = last if self.last_ts is None else max(last, self.last_ts)
        if self._midnight_s is None:
            self._midnight_s = instant(self._world.zone, local_date(self._world.zone, first), 0)
        long = (readings.kind == Kind.ENERGY_REG) | (readings.period_s > self._world.slot_s)
        self._is_long[readings.meter[long]] = True
        keys = (readings.ts - 1 - self._midnight_s) // DAY_S
        if (keys[1:] < keys[:-1]).any():
            order = np.argsort(keys, kind="stable")
            readings, keys = readings.take(order), keys[order]
        cuts = np.flatnonzero(np.diff(keys)) + 1
        for low, high in zip([0, *cuts.tolist()], [*cuts.tolist(), len(keys)], strict=True):
            key = int(keys[low])
            part = _Bucket.of(readings.take(slice(low, high)), self._midnight_s + key * DAY_S)
            self._added[key].append(part)

    def resolved(self) -> Iterator[ReadingColumns]:
        """Resolve what was added, and give the winners of each bucket, sorted by meter, kind and time."""
        for key in sorted(self._added):
            readings = ReadingColumns.concat([part.columns() for part in self._added.pop(key)])
            secondary = readings.scale == Scale.SECONDARY
            factor = np.ones(len(readings))
            factor[secondary] = self._world.factors(readings.meter[secondary].astype(np.int64), readings.ts[secondary])
            won, lost = winners(readings, np.nan_to_num(factor, nan=1.0))
            self.lost += lost
            self._won[key] = _Bucket.of(won, (self._midnight_s or 0) + key * DAY_S, is_won=True)
            yield won

    def near(self, begin_s: int, end_s: int, meters: I64) -> ReadingColumns:
        """Winners of ``meters`` that may tell of the slots in ``(begin_s, end_s]``: those in it and a slot behind, and
        a day around it of meters with registers or intervals longer than a slot."""
        if self._midnight_s is None:
            return ReadingColumns.empty()
        end_s += self._world.slot_s
        wanted = meters.astype(np.int32)
        long = self._is_long.any()
        reach = DAY_S if long else 0
        parts = []
        for key in range(
            (begin_s - reach - self._midnight_s) // DAY_S, (end_s + reach - 1 - self._midnight_s) // DAY_S + 1
        ):
            bucket = self._won.get(key)
            if bucket is None:
                continue
            rows, _ = rows_of(bucket.rest.meter, wanted)
            low, high = begin_s - bucket.begin_s, end_s - bucket.begin_s
            if low > 0 or high < DAY_S:
                second = bucket.second[rows]
                inside: Bool = (second > low) & (second <= high)
                if long:
                    inside |= self._is_long[bucket.rest.meter[rows]]
                rows = rows[inside]
            parts.append(bucket.columns(_as_slice(rows)))
        return ReadingColumns.concat(parts)


def _as_slice(rows: I64) -> I64 | slice:
    """Adjacent rows as a slice, which copies nothing."""
    if len(rows) and int(rows[-1]) - int(rows[0]) + 1 == len(rows):
        return slice(int(rows[0]), int(rows[-1]) + 1)
    return rows
