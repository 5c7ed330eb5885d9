"""Judge a whole history in memory: local days in order, each handing its carry to the next (the back-test)."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from detectors.alerts import NOTHING_CARRIED, Alert, Carry
from detectors.feed import SourceSlots, down_on, feed_alerts, is_down
from detectors.judge import DayResult, judge_day, margin_slots, work_out
from detectors.reading_days import ReadingDays
from detectors.slots import Grid, LocalDay, local_days
from detectors.world import World

I64 = npt.NDArray[np.int64]


def span_of(world: World, first_ts: int | None, as_of: int) -> list[LocalDay]:
    """Local days from the earliest reading (None: there is none) or order start to as_of (SEMANTICS §6.33)."""
    begins = [o.valid_from for o in world.orders]
    if first_ts is not None:
        begins.append(first_ts - 1)
    last = as_of // world.slot_s * world.slot_s - 1
    return local_days(world.zone, min(begins), last, world.slot_s) if begins else []


class History:
    """Judge scopes over all days; the final state of every alert of them is in ``alerts`` afterwards.

    readings: none of them later than as_of; resolved here.
    """

    def __init__(self, world: World, readings: ReadingDays, as_of: int) -> None:
        self.world, self.as_of = world, as_of
        self.days = span_of(world, readings.first_ts, as_of)
        self.alerts: dict[tuple[str, str, str, int], Alert] = {}
        self._readings = readings
        self._margin = margin_slots(world.slot_s)
        self._first_slot = self.days[0].first_slot - self._margin if self.days else 0
        n_slots = self.days[-1].end_slot + self._margin - self._first_slot if self.days else 0
        counted = SourceSlots(world, self._first_slot, n_slots)
        for won in readings.resolved():
            counted.add(won)
        valid, speaks = counted.totals()
        down, decided = is_down(world, self._first_slot, valid, speaks, as_of)
        # Before the history begins nothing is expected.
        down[:, : self._margin] = decided[:, : self._margin] = False
        self._down = down
        self._keep(feed_alerts(world, self._first_slot, down, decided, speaks / np.maximum(valid, 1)))

    def __iter__(self) -> Iterator[DayResult]:
        return self.judge(np.arange(len(self.world.scope_ids), dtype=np.int64))

    def judge(self, scopes: I64, *, with_slots: bool = True) -> Iterator[DayResult]:
        """Judge some scopes (rows of the world, sorted) day after day. with_slots: as ``judge_day`` takes it."""
        world = self.world
        meters = np.unique(world.meters_of(scopes)[0])
        carries: list[Carry] = [NOTHING_CARRIED] * len(scopes)
        for today in self.days:
            grid = Grid(world.zone, world.slot_s, today, self._margin)
            result = judge_day(
                world,
                scopes,
                today,
                self._readings.near(int(grid.starts_s[0]), int(grid.ends_s[-1]), meters),
                self.as_of,
                carries,
                down_on(grid, self._first_slot, self._down),
                self.days[0].first_slot,
                with_slots=with_slots,
            )
            for found in result.alerts:
                self._keep(found)
            carries = result.carries
            yield result

    def measured(self, scopes: I64, days: Iterable[LocalDay]) -> Iterator[dict[str, npt.NDArray[Any]]]:
        """What the meters of some scopes (rows of the world, sorted) say on local days, one after the other.

        Of each day ``wh``, ``evidence``, ``meters`` and ``facts`` of ``detectors.days.SLOT``, [S, slots of the day].
        """
        world = self.world
        meters = np.unique(world.meters_of(scopes)[0])
        for day in days:
            grid = Grid(world.zone, world.slot_s, day, self._margin)
            near = self._readings.near(int(grid.starts_s[0]), int(grid.ends_s[-1]), meters)
            loads = work_out(world, scopes, grid, near, self.as_of, None).loads
            yield {name: getattr(loads, name)[:, grid.day] for name in ("wh", "evidence", "meters", "facts")}

    def rebase(self, world: World) -> None:
        """Judge by other baselines from now on; meters, sources, scopes and orders are the same."""
        self.world = world

    def _keep(self, alerts: list[Alert]) -> None:
        for alert in alerts:
            self.alerts[(alert.scope_id, alert.rule.value, alert.order_id or "", alert.first_slot)] = alert
