"""The baseline that holds at each slot (SEMANTICS §3.15, §3.16)."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from detectors.registry_columns import DAY_TYPES
from detectors.slots import Grid, local_date, seconds_of_day
from detectors.spans import Spans
from detectors.world import BASELINE_CHOICE, World, rows_of, turns

I64 = npt.NDArray[np.int64]
I32 = npt.NDArray[np.int32]
F64 = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Baselines:
    """Baseline of each scope and span, [S, K]; row -1 and NaN where there is none."""

    row: I32  # row of world.baselines
    running_kw: F64
    idle_kw: F64
    max_kw: F64  # 1.1 R where not given
    day_kwh: F64


def baselines_on(world: World, scopes: I64, spans: Spans) -> Baselines:
    """The baseline that holds at each span's first slot."""
    best = np.full((len(scopes), spans.n), -1, np.int32)
    rank = np.zeros(best.shape, np.int8)
    rows, owner = rows_of(world.baseline_scope, scopes)
    table, scores = world.baseline, _choice_scores(world, spans)
    for turn in turns(owner):
        s, row = owner[turn], rows[turn]
        holds = (spans.starts_s >= table.valid_from[row, None]) & (spans.starts_s < table.valid_to[row, None])
        score = scores[table.day_type[row]] * holds
        better = score > rank[s]
        best[s] = np.where(better, row.astype(np.int32)[:, None], best[s])
        rank[s] = np.where(better, score, rank[s])
    return Baselines(best, table.running_kw[best], table.idle_kw[best], table.max_kw[best], table.day_kwh[best])


def _choice_scores(world: World, spans: Spans) -> npt.NDArray[np.int8]:
    """How well a baseline of each day type suits each span, [day types, K], 0 = not at all (SEMANTICS §3.15)."""
    kinds = [world.day_type(local_date(world.zone, start)) for start in spans.starts_s.tolist()]
    return np.array([[_choice_rank(kind, of) for kind in kinds] for of in DAY_TYPES], np.int8)


def _choice_rank(day_type: str, baseline_type: str) -> int:
    choice = BASELINE_CHOICE[day_type]
    return len(choice) - choice.index(baseline_type) if baseline_type in choice else 0


def profiles_wh(world: World, rows: I32, grid: Grid) -> F64:
    """Energy of each of the day's slots by the profile of its baseline, [..., day slots]; NaN without a profile."""
    second = seconds_of_day(world.zone, grid.starts_s[grid.day])
    return world.baseline.at_second(rows, second) * (1000 * grid.hours)


def rests_wh(world: World, rows: I32, judged: Bool, hour_wh: F64, grid: Grid) -> F64 | None:
    """Least energy that the judged slots of the day behind each slot will take: by the profile of a fitted baseline at
    the height of the hour that ends with it, less the share by which the fit misses a day (RRMSE), [..., day slots];
    NaN where no such profile tells, None where none tells of any.

    rows: baseline rows, of the day's slots. hour_wh: energy of the hour that ends with each slot.
    """
    fitted = world.baseline.has_profile & ~np.isnan(world.baseline.rrmse)
    if not fitted[rows].any():
        return None
    profile = np.where(fitted[rows], profiles_wh(world, rows, grid), np.nan)
    after = np.where(judged, profile * np.fmax(1 - world.baseline.rrmse[rows], 0.0), 0.0)
    left = np.cumsum(after[..., ::-1], axis=-1)[..., ::-1] - after
    hour = np.full(profile.shape, np.nan)
    n = grid.slots_in(60)
    hour[..., n - 1 :] = np.lib.stride_tricks.sliding_window_view(profile, n, axis=-1).sum(axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(hour > 0, left * hour_wh / hour, np.nan), np.float64)
