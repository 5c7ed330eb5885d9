"""Judge a whole history in memory: local days in order, each handing its carry to the next (the back-test)."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from detectors.alerts import NOTHING_CARRIED, Alert, Carry
from detectors.feed import down_on, feed_alerts, is_down, source_slots
from detectors.judge import DayResult, judge_day, margin_slots
from detectors.readings import ReadingColumns
from detectors.slots import DAY_S, Grid, LocalDay, local_days
from detectors.world import World

I64 = npt.NDArray[np.int64]


def span_of(world: World, readings: ReadingColumns, as_of: int) -> list[LocalDay]:
    """Local days from the earliest reading or order start to as_of (SEMANTICS §6.33)."""
    begins = [o.valid_from for o in world.orders]
    if len(readings):
        begins.append(int(readings.ts.min()) - 1)
    begin = min(begins, default=as_of)
    last = as_of // world.slot_s * world.slot_s - 1
    return local_days(world.zone, begin, last, world.slot_s) if begin <= last else []


class History:
    """Iterate over the days' results; the final state of every alert is in ``alerts`` afterwards."""

    def __init__(self, world: World, winners: ReadingColumns, as_of: int) -> None:
        self.world, self.as_of = world, as_of
        self.days = span_of(world, winners, as_of)
        self.alerts: dict[tuple[str, str, str, int], Alert] = {}
        order = np.argsort(winners.ts, kind="stable")
        self._readings = winners.take(order)
        self._scopes = np.arange(len(world.scope_ids), dtype=np.int64)

    def __iter__(self) -> Iterator[DayResult]:
        if not self.days:
            return
        world = self.world
        margin = margin_slots(world.slot_s)
        first_slot = self.days[0].first_slot - margin
        n_slots = self.days[-1].end_slot + margin - first_slot
        valid, speaks = source_slots(world, first_slot, n_slots, self._readings)
        down, decided = is_down(world, first_slot, valid, speaks, self.as_of)
        down[:, :margin] = decided[:, :margin] = False  # before the history begins nothing is expected
        self._keep(feed_alerts(world, first_slot, down, decided, speaks / np.maximum(valid, 1)))
        carries: list[Carry] = [NOTHING_CARRIED] * len(self._scopes)
        for today in self.days:
            grid = Grid(world.zone, world.slot_s, today, margin)
            result = judge_day(
                world,
                self._scopes,
                today,
                self._near(grid),
                self.as_of,
                carries,
                down_on(grid, first_slot, down),
                self.days[0].first_slot,
            )
            for found in result.alerts:
                self._keep(found)
            carries = result.carries
            yield result

    def _near(self, grid: Grid) -> ReadingColumns:
        low, high = np.searchsorted(
            self._readings.ts, [int(grid.starts_s[0]) - DAY_S, int(grid.ends_s[-1]) + DAY_S], side="right"
        )
        return self._readings.take(slice(int(low), int(high)))

    def _keep(self, alerts: list[Alert]) -> None:
        for alert in alerts:
            self.alerts[(alert.scope_id, alert.rule.value, alert.order_id or "", alert.first_slot)] = alert
