"""A history judged as the stream does it: day by day from stored carries, and days again that late data touched."""

import json
from datetime import date

import numpy as np
import numpy.typing as npt

from detectors.alerts import NOTHING_CARRIED, Alert, Carry
from detectors.feed import SourceSlots, down_on, is_down
from detectors.history import span_of
from detectors.judge import DayResult, judge_day, margin_slots
from detectors.readings import ReadingColumns, winners
from detectors.slots import Grid
from detectors.vocab import Scale
from detectors.world import World, compile_world
from tests.cases.fast import columns_of
from tests.oracles.rows import Reading
from tests.oracles.rows import World as Case


def compiled(case: Case) -> World:
    """The world of a case; day types as the calendar says."""
    return compile_world(case.registry, case.slot_s)


def won(world: World, readings: list[Reading]) -> ReadingColumns:
    """Winners of readings, as the database keeps them."""
    columns = columns_of(world.registry, readings)
    secondary = columns.scale == Scale.SECONDARY
    factor = np.where(secondary, world.factors(columns.meter.astype(np.int64), columns.ts), 1.0)
    return winners(columns, np.nan_to_num(factor, nan=1.0))[0]


def first_ts(readings: ReadingColumns) -> int | None:
    """Time of the earliest reading."""
    return int(readings.ts.min()) if len(readings) else None


def source_slots(
    world: World, first_slot: int, n_slots: int, readings: ReadingColumns
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Valid meters and those with evidence of each source and slot."""
    counted = SourceSlots(world, first_slot, n_slots)
    counted.add(readings)
    return counted.totals()


class Store:
    """What the database holds between passes: the result and the carry of each scope and day, carries as JSON."""

    def __init__(self, world: World, as_of: int) -> None:
        self.world, self.as_of = world, as_of
        self.results: dict[tuple[int, date], DayResult] = {}  # each of one scope
        self._carries: dict[tuple[int, date], str] = {}
        self.judged = 0

    def judge(self, readings: ReadingColumns, days: set[date] | None = None) -> None:
        """Judge these days (None: all) of every scope, one scope a pass, and walk on while a carry changes."""
        world = self.world
        span = span_of(world, first_ts(readings), self.as_of)
        margin = margin_slots(world.slot_s)
        first = span[0].first_slot - margin
        n_slots = span[-1].end_slot + margin - first
        down, decided = is_down(world, first, *source_slots(world, first, n_slots, readings), self.as_of)
        down[:, :margin] = decided[:, :margin] = False
        for scope in range(len(world.scope_ids)):
            yesterday: date | None = None
            walks_on = False
            for today in span:
                if days is None or today.day in days or walks_on:
                    grid = Grid(world.zone, world.slot_s, today, margin)
                    row: npt.NDArray[np.int64] = np.array([scope], np.int64)
                    begin = [self._carry(scope, yesterday)]
                    sources = down_on(grid, first, down)
                    result = judge_day(world, row, today, readings, self.as_of, begin, sources, span[0].first_slot)
                    walks_on = result.carries[0].to_json() != self._carry(scope, today.day).to_json()
                    self._carries[(scope, today.day)] = json.dumps(result.carries[0].to_json())
                    self.results[(scope, today.day)] = result
                    self.judged += 1
                else:
                    walks_on = False
                yesterday = today.day

    def _carry(self, scope: int, day: date | None) -> Carry:
        text = self._carries.get((scope, day)) if day is not None else None
        return NOTHING_CARRIED if text is None else Carry.from_json(json.loads(text))

    def alerts(self) -> dict[tuple[str, str, str, int], Alert]:
        """The last state of every alert, scope by scope, day by day."""
        found: dict[tuple[str, str, str, int], Alert] = {}
        for _, result in sorted(self.results.items(), key=lambda item: item[0]):
            for alert in result.alerts[0]:
                found[(alert.scope_id, alert.rule.value, alert.order_id or "", alert.first_slot)] = alert
        return found
