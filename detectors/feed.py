"""Is a source down, or is a meter silent? (SEMANTICS §5.29)"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from detectors.alerts import Alert
from detectors.intervals import ENERGY_KINDS
from detectors.readings import ReadingColumns, evidence_class
from detectors.rules import runs
from detectors.slots import Grid
from detectors.threshold_table import NO_SCOPE
from detectors.vocab import Rule
from detectors.world import World

I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]


class SourceSlots:
    """Counts, for each source and slot, its meters that are valid and those of them with evidence."""

    def __init__(self, world: World, first_slot: int, n_slots: int) -> None:
        self._world, self._first_slot, self._n_slots = world, first_slot, n_slots
        meters = world.registry.meters
        self._speaks = np.zeros((len(meters), n_slots), np.bool_)
        # Columns [low, high) in which each meter is valid.
        self._low, self._high = (
            np.clip(-(-np.array(instants, np.int64) // world.slot_s) - first_slot, 0, n_slots)
            for instants in ([m.valid_from for m in meters], [m.valid_to for m in meters])
        )

    def add(self, readings: ReadingColumns) -> None:
        """A meter has evidence where an evidence-class value of power or energy reaches into the slot. readings:
        winners, meter = rows of the registry."""
        use = (evidence_class(readings.q) == 0) & np.isin(readings.kind, [int(k) for k in ENERGY_KINDS])
        readings = readings if use.all() else readings.take(use)
        self.add_evidence(readings.meter.astype(np.int64), readings.ts, readings.period_s)

    def add_evidence(self, meter: I64, ts: I64, period_s: npt.NDArray[np.integer[Any]]) -> None:
        """The same for evidence-class values of power or energy: rows of their meters, ends and periods, seconds."""
        slot_s = self._world.slot_s
        begin, end = self._first_slot * slot_s, (self._first_slot + self._n_slots) * slot_s
        use = (ts > begin) & (ts - period_s < end)
        if not use.all():
            meter, ts, period_s = meter[use], ts[use], period_s[use]
        flat, row = self._speaks.reshape(-1), meter * self._n_slots
        for column, inside in self._reached(ts, period_s):
            flat[(row + column)[inside]] = True

    def totals(self) -> tuple[I64, I64]:
        """Meters valid at each slot, and those with evidence, [sources, T]."""
        world = self._world
        shape = (len(world.sources), self._n_slots)
        changes, speaks = np.zeros((shape[0], shape[1] + 1), np.int64), np.zeros(shape, np.int64)
        np.add.at(changes, (world.meter_source, self._low), 1)
        np.subtract.at(changes, (world.meter_source, np.maximum(self._low, self._high)), 1)
        for source in range(shape[0]):
            rows = np.flatnonzero(world.meter_source == source)
            low, high, spoken = self._low[rows], self._high[rows], self._speaks[rows]
            for at in np.flatnonzero((low > 0) | (high < self._n_slots)):
                spoken[at, : low[at]] = False
                spoken[at, high[at] :] = False
            speaks[source] = spoken.sum(axis=0)
        return np.cumsum(changes, axis=1)[:, :-1], speaks

    def alike(self, source: int) -> tuple[I64, slice]:
        """Rows of those of the source's meters that are valid in the same slots as most of them, and these slots. Those
        that are valid in none, such as replaced ones, may be most."""
        rows = np.flatnonzero((self._world.meter_source == source) & (self._low < self._high))
        validity = self._low[rows] * (self._n_slots + 1) + self._high[rows]
        values, counts = np.unique(validity, return_counts=True)
        if len(rows) == 0:
            return rows, slice(0, 0)
        low, high = divmod(int(values[counts.argmax()]), self._n_slots + 1)
        return rows[validity == values[counts.argmax()]], slice(low, high)

    def at_least(self, ts: I64, period_s: I64, meters: I64, valid: slice) -> I64:
        """How many meters speak in each slot at least, [T]. meters: how many have evidence of one kind at ``ts``, over
        the same period, one element a group; all of them are valid in the slots ``valid``."""
        least = np.zeros(self._n_slots, np.int64)
        for column, inside in self._reached(ts, period_s):
            np.maximum.at(least, column[inside], meters[inside])
        least[: valid.start] = least[valid.stop :] = 0
        return least

    def _reached(self, ts: I64, period_s: npt.NDArray[np.integer[Any]]) -> Iterator[tuple[I64, Bool]]:
        """A column that each reading reaches into, from its last one back, and whether it does; as many times as the
        one that reaches into most of the slots wants."""
        last = -(-ts // self._world.slot_s) - 1 - self._first_slot
        first = np.minimum((ts - period_s) // self._world.slot_s - self._first_slot, last)
        last, first = np.minimum(last, self._n_slots - 1), np.maximum(first, 0)
        for back in range(int((last - first).max(initial=-1)) + 1):
            yield last - back, last - back >= first


def is_down(world: World, first_slot: int, n_valid: I64, n_speaks: I64, as_of: int) -> tuple[Bool, Bool]:
    """Which slots of each source are down, and which are decided at ``as_of``, [sources, T]. Down: fewer of its meters
    than the evidence_share of `feed_down` speak, of a source that at least its number of plants use."""
    ends = (first_slot + 1 + np.arange(n_valid.shape[1], dtype=np.int64)) * world.slot_s
    share, plants = (
        world.thresholds.at(Rule.FEED_DOWN, name, NO_SCOPE, ends - world.slot_s)
        for name in ("evidence_share", "plants")
    )
    decided = ends <= as_of - world.source_delay_s[:, None]
    down = decided & (world.source_plants[:, None] >= plants) & (n_speaks < share * n_valid)
    for row in np.flatnonzero(down.any(axis=1)):
        thin = np.flatnonzero(down[row])
        down[row, thin] = _plants_at(world, int(row), ends[thin] - world.slot_s) >= plants[thin]
    return down, decided


def _plants_at(world: World, source: int, starts_s: I64) -> I64:
    """Plants with a meter of the source that is valid at each instant."""
    used = np.zeros(len(starts_s), np.int64)
    of_plant: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for row in np.flatnonzero(world.meter_source == source):
        meter = world.registry.meters[row]
        of_plant[meter.plant_id].append((meter.valid_from, meter.valid_to))
    spans: dict[frozenset[tuple[int, int]], int] = Counter(frozenset(s) for s in of_plant.values())
    for validities, plants in spans.items():  # thousands of plants share a handful of validities
        used += plants * np.any([(starts_s >= begin) & (starts_s < end) for begin, end in validities], axis=0)
    return used


def down_on(grid: Grid, first_slot: int, down: Bool) -> Bool:
    """Cut the columns of a grid out of ``down``, which begins at ``first_slot``; what lies outside is not down."""
    result = np.zeros((down.shape[0], grid.n), np.bool_)
    shift = grid.first_slot - first_slot
    low, high = max(shift, 0), min(shift + grid.n, down.shape[1])
    if low < high:
        result[:, low - shift : high - shift] = down[:, low:high]
    return result


def feed_alerts(world: World, first_slot: int, down: Bool, decided: Bool, share: F64) -> list[Alert]:
    """`feed_down` alerts of a span of slots. share: [sources, T], of the meters with evidence; looked at where down."""
    alerts: list[Alert] = []
    for row, source in enumerate(world.sources):
        if not down[row].any():
            continue
        until = int(np.flatnonzero(decided[row])[-1]) + 1
        track = runs.RunTrack(
            first_slot,
            0,
            until,
            down[row].tolist(),
            (decided[row] & ~down[row]).tolist(),
            [False] * down.shape[1],
            share[row].tolist(),
        )
        blank = Alert(f"source:{source}", Rule.FEED_DOWN, None, 1, 0, 0, 0)
        alerts += runs.walk(track, blank, None, slot_s=world.slot_s)
    return alerts
