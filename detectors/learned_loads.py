"""The scopes of a pass of which something was learned, with their loads and what is expected of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from detectors.alerts import NOTHING_CARRIED, Carry
from detectors.baseline_at import Baselines
from detectors.loads import Fact, Loads
from detectors.rules.level import EARLY_LATE_H, Expected
from detectors.slots import DAY_S, Grid, seconds_of_day
from detectors.spans import Spans
from detectors.verdict import Evidence, has
from detectors.vocab import Rule
from detectors.world import World

I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class LearnedLoads:
    """L scopes on the T slots of a grid; loads in Wh a slot, NaN where nothing is known."""

    world: World
    grid: Grid
    spans: Spans
    rows: I64  # [L] places among the scopes of the pass
    scopes: I64  # [L] rows of the world
    baseline: I32  # [L, K] row of world.baselines
    carries: Sequence[Carry]  # [L]
    is_spread: Bool  # [L]
    load_wh: F64  # [L, T] fully measured slots that are over
    unproven: Bool  # [L, T] zeros without proof
    alive: Bool  # [L, T] zeros with one: a voltage

    @staticmethod
    def of(
        world: World,
        scopes: I64,
        grid: Grid,
        baselines: Baselines,
        spans: Spans,
        loads: Loads,
        evidence: Evidence,
        past: Bool,
        spread: Bool,
        carries: Sequence[Carry],
    ) -> "LearnedLoads | None":
        """None where nothing was learned of any of the scopes.

        past: [T]. spread: [S], loads rest on readings over more than a slot, equal by nature. carries: [S] of the day
        before, empty where it is not known.
        """
        floor_kw = world.baseline.floor_kw
        if np.isnan(floor_kw).all():
            return None
        rows = np.flatnonzero(~np.isnan(floor_kw[baselines.row]).all(axis=1))
        if len(rows) == 0:
            return None
        known = evidence.covered[rows] & ~evidence.outage[rows] & past
        facts = evidence.facts[rows]
        return LearnedLoads(
            world,
            grid,
            spans,
            rows,
            scopes[rows],
            baselines.row[rows],
            [carries[s] for s in rows.tolist()] if len(carries) else [NOTHING_CARRIED] * len(rows),
            spread[rows],
            np.where(known, loads.wh[rows], np.nan),
            has(facts, Fact.ZERO_UNPROVEN) & past,
            has(facts, Fact.ALL_ZERO) & has(facts, Fact.LIVE),
        )

    def learned(self, column: F64) -> F64:
        """A column of the baselines at each slot, [L, T]; NaN where the baseline that holds was not learned."""
        of_learned = np.where(np.isnan(self.world.baseline.floor_kw), np.nan, column)
        return np.asarray(self.spans.wide(of_learned[self.baseline]), np.float64)

    def learned_wh(self, column_kw: F64) -> F64:
        """As ``learned``, a load as the energy of a slot."""
        return self.learned(column_kw * (1000 * self.grid.hours))

    def threshold(self, name: str) -> F64:
        """A threshold of `bad_data` as it holds on the day, [L, 1]."""
        at_s = int(self.grid.starts_s[self.grid.margin])
        return np.asarray(self.world.thresholds.at(Rule.BAD_DATA, name, self.scopes, at_s)[:, None], np.float64)

    def slots(self, name: str) -> I64:
        """A threshold of minutes, as slots, [L, 1]."""
        return np.asarray(np.maximum(1, self.threshold(name) * 60 // self.grid.slot_s), np.int64)

    def expected(self, at: int, second: I64) -> Expected:
        """What is expected of one of the scopes, [T]. second: wall-clock second of each slot."""
        rows = self.spans.wide(self.baseline[at])
        wh, top, low = (np.full(self.grid.n, np.nan) for _ in range(3))
        for row in np.unique(rows[self.world.baseline.has_profile[rows]]).tolist():
            here = rows == row
            profile = np.array(self.world.baselines[row].profile_kw, np.float64) * (1000 * self.grid.hours)
            place = second[here] * len(profile) // DAY_S
            reach = min(EARLY_LATE_H * 3600 * len(profile) // DAY_S, (len(profile) - 1) // 2)
            around = np.concatenate([profile[-reach:], profile, profile[:reach]]) if reach else profile
            near = np.lib.stride_tricks.sliding_window_view(around, 2 * reach + 1).min(axis=1)
            wh[here], top[here], low[here] = profile[place], profile.max(), near[place]
        floor, highest = (
            self.spans.wide(column[self.baseline[at]]) * (1000 * self.grid.hours)
            for column in (self.world.baseline.floor_kw, self.world.baseline.max_kw)
        )
        unknown = np.isnan(floor)
        wh[unknown] = np.nan
        return Expected(wh, top, low, floor, highest)

    def seconds(self) -> I64:
        """Wall-clock second of the local day of each slot, [T]."""
        return seconds_of_day(self.grid.zone, self.grid.starts_s)
