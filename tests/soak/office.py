"""The office of the long run: plants with ten meters each, whose readings come once a minute, and their orders.

Slots are 60 s wide and lie at the machine's clock, so that silence, deadlines and feed_down are real. Every plant has a
limit of energy that it breaks at a time of its own, spread over the run: alerts open all the while.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from detectors.registry import Baseline, Meter, Order, Plant, Registry, Source
from detectors.vocab import Control, Kind, Measure

SLOT_S = 60
BEGIN_HOUR = 3
METERS = 10  # of a plant
KINDS = (Kind.POWER_INST, Kind.VOLTAGE, Kind.CURRENT)
ROWS = METERS * len(KINDS)  # of a plant and slot
METER_KW = 50.0
REDUCTION = 0.3
#: The second source goes silent for a while; so many plants of a hundred hang on it.
SOUTH_IN_100 = 3
#: Plants with one more meter that the registry learns of only in the middle.
NEWCOMERS = 5
#: Share of the run in which limits are broken.
FIRST_BREAK, LAST_BREAK = 0.1, 0.95


@dataclass(frozen=True, slots=True)
class Office:
    """rate: readings/s; begin_s: first slot's start, epoch seconds; duration_s: of the run."""

    rate: int
    begin_s: int
    duration_s: float

    @property
    def plants(self) -> int:
        """As many as make the rate."""
        return max(20, round(self.rate * SLOT_S / ROWS))

    @property
    def zone(self) -> str:
        """A zone where it is three in the night: the day's rows are short, and the day before is no context of them."""
        ahead_h = (BEGIN_HOUR - datetime.fromtimestamp(self.begin_s, UTC).hour + 12) % 24 - 12
        return f"Etc/GMT{-ahead_h:+d}"

    @property
    def registry(self) -> Registry:
        """As imported before the run."""
        numbers = range(self.plants)
        return Registry(
            zone=self.zone,
            sources=(Source("north", delay_min=1), Source("south", delay_min=1)),
            plants=tuple(Plant(f"P{i}", f"P{i}", f"county {i % 5}") for i in numbers),
            meters=tuple(self._meter(i, meter_id(i, j)) for i in numbers for j in range(METERS)),
            orders=tuple(self.order(i) for i in numbers),
            baselines=tuple(self._baseline(i) for i in numbers),
        )

    @property
    def newcomers(self) -> Registry:
        """What the registry learns in the middle: a meter more of some plants, whose readings have waited."""
        found = tuple(self._meter(i, meter_id(i, METERS)) for i in range(NEWCOMERS))
        return Registry(zone=self.zone, meters=found)

    def order(self, plant: int, revision: int = 1) -> Order:
        """Revisions go up and down: a tightened limit is broken earlier, a loosened one later or not at all."""
        change = (0.0, 0.1, -0.1)[(revision - 1) % 3]
        first = Order(f"O{plant}", f"P{plant}", Control.LIMIT, self.begin_s, reduction=REDUCTION + change)
        return replace(first, measure=Measure.ENERGY, revision=revision)

    def is_south(self, plant: int) -> bool:
        """Whether the plant hangs on the source that goes silent."""
        return plant % 100 < SOUTH_IN_100

    def loads_kw(self, slot: int) -> npt.NDArray[np.float64]:
        """[plants, meters] power of a slot; one meter more, for the newcomers."""
        return _loads_kw(self.plants, slot)

    def _meter(self, plant: int, name: str) -> Meter:
        source = "south" if self.is_south(plant) else "north"
        return Meter(name, f"P{plant}", source=source, period_s=SLOT_S, valid_from=self.begin_s)

    def _baseline(self, plant: int) -> Baseline:
        share = FIRST_BREAK + (LAST_BREAK - FIRST_BREAK) * (plant * 0.618034 % 1)
        used_kwh = METERS * METER_KW * share * self.duration_s / 3600
        return Baseline(f"P{plant}", "v1", self.begin_s, 1e5, idle_kw=1.0, day_kwh=round(used_kwh / (1 - REDUCTION), 3))


@lru_cache(maxsize=4)
def _loads_kw(plants: int, slot: int) -> npt.NDArray[np.float64]:
    chance = np.random.default_rng((210, slot))
    return np.round(METER_KW * chance.uniform(0.9, 1.1, (plants, METERS + 1)), 2)


def meter_id(plant: int, number: int) -> str:
    """Of a plant's meter."""
    return f"MP{plant:05d}{number:02d}"
