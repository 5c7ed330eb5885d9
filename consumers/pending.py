"""What marks ask for: local days to judge, of each the scopes and the slots that were touched."""

from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt

from detectors.judge import margin_slots
from detectors.slots import LocalDay, local_date, local_day
from detectors.world import World

I64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]

_NEVER = 2**62


@dataclass(frozen=True, slots=True)
class Spans:
    """Slots [first, last] of scopes (rows of the world), one element a span. is_due: the clock asks for them."""

    row: I64
    first: I64
    last: I64
    is_due: Bool

    def take(self, which: I64 | Bool) -> "Spans":
        """Some of the spans."""
        return Spans(self.row[which], self.first[which], self.last[which], self.is_due[which])


@dataclass(frozen=True, slots=True)
class DayWork:
    """One local day to judge: scopes, sorted, and the hull of the touched slots of each; none touched: first > last."""

    day: LocalDay
    row: I64
    first: I64
    last: I64

    def take(self, which: slice) -> "DayWork":
        """Some of the scopes."""
        return DayWork(self.day, self.row[which], self.first[which], self.last[which])


class Pending:
    """The days that ``spans`` reach, in order, ``most_days`` of them at most, and the days behind them to which a
    changed carry walks on: these wait for no later pass, or newer slots would be judged by what no longer holds."""

    def __init__(self, world: World, spans: Spans, as_of: int, most_days: int) -> None:
        self._world, self._margin = world, margin_slots(world.slot_s)
        self._last_slot = as_of // world.slot_s - 1
        self._last_day = local_date(world.zone, self._last_slot * world.slot_s)
        begun = spans.take(spans.first <= self._last_slot)
        self._spans = replace(begun, last=np.minimum(begun.last, self._last_slot))
        self._walks: dict[date, set[int]] = {}
        self._next = self._end = self._last_day + timedelta(days=1)
        if len(self._spans.row):
            begin = int(self._spans.first.min()) - self._margin
            self._next = local_date(world.zone, begin * world.slot_s)
            self._end = min(self._next + timedelta(days=most_days), self._end)

    def pop(self) -> DayWork | None:
        """The next day that has work; None: no more in this pass, and every changed carry has arrived."""
        while self._next < self._end:
            work = self._on(self._next, self._spans, self._walks.pop(self._next, set()))
            self._next += timedelta(days=1)
            if len(work.row):
                return work
        if not self._walks:
            return None
        day = min(self._walks)
        rows = self._walks.pop(day)
        return self._on(day, self._spans.take(np.isin(self._spans.row, sorted(rows))), rows)

    def end(self) -> None:
        """Begin no further day but those to which scopes walk on."""
        self._end = self._next

    def walk_on(self, work: DayWork, rows: list[int]) -> bool:
        """What these scopes hand on from a day has changed: judge the next too. False: there is none yet."""
        tomorrow = work.day.day + timedelta(days=1)
        if tomorrow > self._last_day:
            return False
        self._walks.setdefault(tomorrow, set()).update(rows)
        return True

    @property
    def is_shorter(self) -> bool:
        """Whether less is left than there was: a day that is only context of a span takes nothing off it, and would be
        judged for ever by passes that end with it."""
        return self._left_from > int(self._spans.first.min())

    def left(self) -> Spans:
        """What this pass did not come to, once all have walked."""
        if self._next > self._last_day:
            return self._spans.take(np.zeros(len(self._spans.row), np.bool_))
        later = self._spans.take(self._spans.last >= self._left_from)
        return replace(later, first=np.maximum(later.first, self._left_from))

    @property
    def _left_from(self) -> int:
        """First slot that a day still to come looks at: the evening before is its context."""
        return self._day(self._next).first_slot - self._margin

    def _day(self, day: date) -> LocalDay:
        return local_day(self._world.zone, day, self._world.slot_s)

    def _on(self, day: date, among: Spans, walking: set[int]) -> DayWork:
        """Spans on the day and on its context, and scopes that walk on."""
        today = self._day(day)
        low, high = today.first_slot - self._margin, today.end_slot + self._margin - 1
        spans = among.take((among.last >= low) & (among.first <= high))
        walks = np.array(sorted(walking), np.int64)
        row = np.concatenate([spans.row, walks])
        first = np.concatenate([np.maximum(spans.first, low), np.full(len(walks), _NEVER)])
        last = np.concatenate([np.minimum(spans.last, high), np.full(len(walks), -1)])
        order = np.argsort(row, kind="stable")
        starts = np.flatnonzero(np.diff(row[order], prepend=-1))
        if len(starts) == 0:
            return DayWork(today, row, first, last)
        return DayWork(
            today,
            row[order][starts],
            np.minimum.reduceat(first[order], starts),
            np.maximum.reduceat(last[order], starts),
        )
