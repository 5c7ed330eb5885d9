"""The plants that every measurement judges: made from a seed, so that what must be found is known beforehand.

One plant has one meter. Odd plants are stopped, even ones limited by energy; one in twenty breaks its order, for eight
hours of each day counted from the first slot.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt

from detectors.registry import Baseline, Meter, Multiplier, Order, Plant, Registry, Source
from detectors.vocab import Control, Measure

SLOT_S = 900
DAY_SLOTS = 96
#: Hours at which live slots are measured: by day, and behind local midnight, where a slot concerns two days.
BY_DAY_H, MIDNIGHT_H = 15, 1
#: 2017-11-15 00:00 in Zhengzhou, the first day of the plan's season.
SEASON_BEGIN_S = 1510675200
#: One stopped and one limited plant of so many break their order.
BREAKS_IN = 40
BREAKING = range(16, 48)  # slots of a day of the world
#: Over slots that open a stop_run (SEMANTICS §5.24).
RUN_SLOTS = 3
T_FACTOR = 100
SOURCE = "bench"
#: A working day of 16,000 kWh: by day near the running level, by night at a fifth of it.
_PROFILE_KW = (200.0,) * 24 + (1_000.0,) * 56 + (200.0,) * 16


@dataclass(frozen=True, slots=True)
class World:
    """``meters`` single meters over ``slots`` slots from ``begin_s``, a slot's edge in epoch seconds."""

    meters: int
    slots: int
    begin_s: int = SEASON_BEGIN_S
    delay_min: int = 5
    days_before: int = 0  # the meters were there so long before the orders began
    is_fitted: bool = False  # baselines as ``cuofeng baseline fit`` makes them, with a profile and what it learned
    zone: str = "Asia/Shanghai"

    @staticmethod
    def ending_at(
        end_s: float, meters: int, slots: int, delay_min: int = 5, days_before: int = 0, hour: int | None = None
    ) -> "World":
        """A world whose last slot is the last one over at ``end_s``, in a zone where it is that hour then."""
        world = World(meters, slots, (int(end_s) // SLOT_S - slots) * SLOT_S, delay_min, days_before)
        return world if hour is None else replace(world, zone=zone_at(hour, world.end_s))

    @property
    def readings(self) -> int:
        """A reading for every meter and slot."""
        return self.meters * self.slots

    @property
    def end_s(self) -> int:
        """End of the last slot, epoch seconds."""
        return self.begin_s + self.slots * SLOT_S

    @property
    def begin(self) -> datetime:
        """Begin of the first slot."""
        return datetime.fromtimestamp(self.begin_s, UTC)

    def meter_ids(self) -> list[str]:
        """In the order of the loads."""
        return [f"MP{i:08d}" for i in range(self.meters)]

    def loads_dkw(self, slot: int) -> npt.NDArray[np.int64]:
        """[meters] tenths of a kW in the slot ``slot`` of the world; below 0 before it began."""
        noise = np.random.default_rng((210, slot + self.days_before * DAY_SLOTS)).integers(0, 200, self.meters)
        number = np.arange(self.meters)
        load = np.where(number % 2 == 1, 200, 3_800)
        if slot % DAY_SLOTS in BREAKING:
            load = np.where(number % BREAKS_IN < 2, 9_000, load)
        return load + noise

    def stop_runs(self) -> int:
        """Alerts of the rule ``stop_run`` that the whole world holds: one a breaking stopped plant and run."""
        runs = 0
        for first in range(BREAKING.start, self.slots, DAY_SLOTS):
            runs += min(self.slots - first, len(BREAKING)) >= RUN_SLOTS
        return runs * len(range(1, self.meters, BREAKS_IN))

    def registry(self) -> Registry:
        """Plants, meters with their multiplier, orders from the first slot on, baselines."""
        numbers, ids = range(self.meters), self.meter_ids()
        since_s = self.begin_s - self.days_before * DAY_SLOTS * SLOT_S
        return Registry(
            zone=self.zone,
            sources=(Source(SOURCE, delay_min=self.delay_min),),
            plants=tuple(Plant(f"P{i}", f"P{i}", "bench") for i in numbers),
            meters=tuple(Meter(ids[i], f"P{i}", source=SOURCE, valid_from=since_s) for i in numbers),
            multipliers=tuple(Multiplier(ids[i], 0, self.end_s + 10**9, float(T_FACTOR)) for i in numbers),
            orders=tuple(self._order(i) for i in numbers),
            baselines=tuple(self._baseline(i) for i in numbers),
        )

    def _baseline(self, i: int) -> Baseline:
        given = Baseline(f"P{i}", "v1", 0, 1000.0, idle_kw=40.0, day_kwh=16_000.0)
        if not self.is_fitted:
            return given
        learned = replace(given, max_kw=1_050.0, profile_kw=_PROFILE_KW, night_kwh=3_500.0, night_sd_kwh=100.0)
        return replace(learned, floor_kw=5.0, equal_h=0.25, rrmse=0.1, bias=0.0)

    def _order(self, i: int) -> Order:
        if i % 2:
            return Order(f"O{i}", f"P{i}", Control.STOP, self.begin_s, residual_kw=50.0, ramp_down_h=0.0)
        return Order(f"O{i}", f"P{i}", Control.LIMIT, self.begin_s, reduction=0.3, measure=Measure.ENERGY)


def zone_at(hour: int, epoch_s: int) -> str:
    """A zone in which it is that hour of the day."""
    ahead = (hour - datetime.fromtimestamp(epoch_s, UTC).hour + 11) % 24 - 11
    return f"Etc/GMT{-ahead:+d}"  # east of Greenwich has the minus here
